import { expect } from 'vitest'
import type { Payload, Streamed, TopicsDown, TopicsUp } from '../../../../src/core/dispatch/link-messages.ts'
import type { HostedTopics, TopicsLink } from '../../../../src/ports/topics-hosting.ts'
import { TopicsHost } from '../../../../src/runtime/dispatch/topics-host.ts'
import type { TopicsLimits } from '../../../../src/runtime/dispatch/topics-host-limits.ts'
import { SimulatedClock } from '../../../../src/testing/simulated-clock.ts'

export const json = (value: unknown): Payload => ({ kind: 'json', bytes: Buffer.from(JSON.stringify(value)) })

export const saidIn = (payload: Payload | Streamed): unknown =>
  payload.kind === 'json' ? JSON.parse(Buffer.from(payload.bytes).toString()) : payload.kind

type Of<Type extends TopicsDown['type']> = Extract<TopicsDown, { type: Type }>

/** A process at the other end of a link, and what it was told. */
export class Process implements TopicsLink {
  readonly name: string
  bufferedBytes = 0
  faults: string[] = []
  readonly told: TopicsDown[] = []
  readonly #hosted: HostedTopics

  constructor(name: string, host: TopicsHost) {
    this.name = name
    this.#hosted = host.attach(this)
  }

  deliver(message: TopicsDown): void {
    this.told.push(message)
  }

  fault(why: string): void {
    this.faults.push(why)
    this.close()
  }

  says(...messages: TopicsUp[]): void {
    this.#hosted.receive(messages)
  }

  close(): void {
    this.#hosted.close()
  }

  review(faultOf: Parameters<HostedTopics['review']>[0]): void {
    this.#hosted.review(faultOf)
  }

  produces(
    producer: number,
    topic: string,
    id: string,
    more: { concurrency?: number; metadata?: unknown; queue?: string } = {},
  ): void {
    this.says({ type: 'produce', producer, topic, id, concurrency: 1, ...more })
  }

  asks(ask: number, topic: string, more: Partial<Extract<TopicsUp, { type: 'ask' }>> = {}): void {
    this.says({
      type: 'ask',
      ask,
      topic,
      until: 'all',
      withinMs: 1_000,
      named: false,
      patient: false,
      payload: json('?'),
      ...more,
    })
  }

  replies(request: number, payload: Payload | Streamed = json('!')): void {
    this.says({ type: 'reply', request, payload })
  }

  /** What it was told of this kind, and forgets. */
  takes<Type extends TopicsDown['type']>(type: Type): Of<Type>[] {
    const taken = this.told.filter((message): message is Of<Type> => message.type === type)
    for (const message of taken) this.told.splice(this.told.indexOf(message), 1)
    return taken
  }

  /** The number of the only request that it has been told of since it was looked at last. */
  request(): number {
    const [request, ...others] = this.takes('request')
    expect(others).toEqual([])
    return (request as Of<'request'>).request
  }
}

export const NOTHING = { topics: 0, producers: 0, listeners: 0, asks: 0, requests: 0, streams: 0 }

export const room = (limits: Partial<TopicsLimits> = {}) => {
  const clock = new SimulatedClock(1_000)
  const faults: unknown[] = []
  const host = new TopicsHost({ clock, limits, onFault: (error) => faults.push(error) })
  const link = (name: string) => new Process(name, host)
  /** Nothing is left once everybody has gone: no entry, no timer. */
  const isEmpty = (...processes: Process[]) => {
    for (const each of processes) each.close()
    clock.advance(10)
    expect(host.sizes()).toEqual(NOTHING)
    expect(faults).toEqual([])
    host.close()
    expect(clock.pending).toBe(0)
  }
  return { clock, host, link, isEmpty, faults }
}
