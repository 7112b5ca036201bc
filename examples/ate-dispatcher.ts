// Responses gathered from agents: the example of ate-dispatcher's README, line by line.
//
// Its threads are loops here: a producer works on one request at a time, a listener gets one response at a time, in order of arrival.
import { setTimeout as sleep } from 'node:timers/promises'
import { ATEDispatcher, type ATEDispatcherOptions, Producer, ResultListener } from 'caucus/compat'

/** What a producer of this example gives. */
export interface Response {
  readonly id: number
  readonly some_key: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** How a producer spends its time; it stops when nobody waits for the response any more. */
export type Rest = (ms: number, signal: AbortSignal) => Promise<unknown>

/** A producer that takes its time. */
export class SpecificTopicProducer extends Producer {
  readonly id: number
  readonly timeout: number
  readonly topics: ReadonlySet<string>
  readonly #rest: Rest

  constructor(
    id: number,
    timeout: number,
    topics: readonly string[],
    rest: Rest = (ms, signal) => sleep(ms, undefined, { signal }),
  ) {
    super()
    this.id = id
    this.timeout = timeout
    this.topics = new Set(topics)
    this.#rest = rest
  }

  async produceDispatcherOutput(
    topic: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Response> {
    await this.#rest(this.timeout, signal)
    return { id: this.id, some_key: topic, args, kwargs }
  }
}

/** A listener that keeps what it gets. */
export class ResultListenerExample extends ResultListener {
  responses: Record<string, unknown[]> = {}

  clear(): void {
    this.responses = {}
  }

  processDispatcherResult(topic: string, response: unknown): void {
    this.responses[topic] = [...(this.responses[topic] ?? []), response]
  }
}

/** What both listeners had after each of the three requests. */
export type Heard = readonly [first: ResultListenerExample['responses'], second: ResultListenerExample['responses']]

export const run = async (options: ATEDispatcherOptions = {}, rest?: Rest): Promise<readonly Heard[]> => {
  // Create the dispatcher and start it.
  const dispatcher = new ATEDispatcher(options)
  dispatcher.start()

  // Define the producers and register them against the dispatcher.
  const producer1 = new SpecificTopicProducer(0, 200, ['topic1', 'my_topic'], rest)
  producer1.start()
  const producer2 = new SpecificTopicProducer(1, 500, ['topic1', 'topic2', 'my_topic'], rest)
  producer2.start()
  for (const topic of producer1.topics) dispatcher.registerResultProducer(producer1, topic)
  for (const topic of producer2.topics) dispatcher.registerResultProducer(producer2, topic)

  // Define the result listeners: the first one gets all responses, the second one those on two of the topics.
  const listener1 = new ResultListenerExample()
  listener1.start()
  const listener2 = new ResultListenerExample()
  listener2.start()
  for (const topic of ['topic1', 'topic2', 'my_topic']) dispatcher.registerResultListener(listener1, topic)
  for (const topic of ['topic1', 'my_topic']) dispatcher.registerResultListener(listener2, topic)

  const heard: Heard[] = []
  const note = () => {
    heard.push([listener1.responses, listener2.responses])
    listener1.clear()
    listener2.clear()
  }

  // Where the original slept for a second and hoped, this waits for the request to end.
  // Both producers answer within 4 000 ms.
  await dispatcher.sendRequest('topic1', [3, 4, 5], { ttl: 4_000, keyword: 'b' })
  note()

  // Within 300 ms it is the first one alone; what the second one has is too late.
  await dispatcher.sendRequest('my_topic', [3, 4, 5], { ttl: 300, keyword: 'b' })
  note()

  // The second producer answers, and the first listener hears it.
  await dispatcher.sendRequest('topic2', [3, 4, 5], { ttl: 1_000, keyword: 'b' })
  note()

  // Anybody can be deregistered at any time, also twice.
  dispatcher.deregisterResultListener(listener2, 'my_topic')
  dispatcher.deregisterResultProducer(producer1, 'topic1')

  // Everybody is deregistered and then stopped.
  for (const topic of producer1.topics) dispatcher.deregisterResultProducer(producer1, topic)
  for (const topic of producer2.topics) dispatcher.deregisterResultProducer(producer2, topic)
  await Promise.all([producer1.stop(), producer2.stop()])
  for (const topic of ['topic1', 'topic2', 'my_topic']) dispatcher.deregisterResultListener(listener1, topic)
  for (const topic of ['topic1', 'my_topic']) dispatcher.deregisterResultListener(listener2, topic)
  await Promise.all([listener1.stop(), listener2.stop()])

  await dispatcher.stop()
  return heard
}
