import type { Caucus, Producer, Reply, Topic } from '../../index.ts'
import { eventually, PATIENCE_MS } from './assertions.ts'
import type { Stage, Tell } from './stage.ts'

/** Two connections, and a topic that is nobody else's. */
export interface TopicStage {
  readonly asker: Caucus
  readonly other: Caucus
  readonly t: string
}

export type TellOfTopic = (name: string, body: (stage: TopicStage) => Promise<void>) => void

export const ofTopic =
  (tell: Tell): TellOfTopic =>
  (name, body) =>
    tell(name, ({ caucus, other, name: own }: Stage) => body({ asker: caucus, other, t: own('t') }))

export const within = { withinMs: PATIENCE_MS }

export const ready = async (...producers: Producer[]): Promise<void> => {
  for (const producer of producers) await producer.ready()
}

export const valuesOf = (replies: readonly Reply[]): readonly unknown[] => replies.map(({ value }) => value)

/** In an order that does not depend on who was quicker. */
export const sorted = (values: readonly unknown[]): readonly unknown[] => [...values].sort()

/** Resolves when `matches` is true of what the topic looks like. */
export const becomes = (
  topic: Topic,
  what: string,
  matches: (view: Awaited<ReturnType<Topic['view']>>) => boolean,
): Promise<void> => eventually(what, async () => matches(await topic.view()))

export const whenAborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('aborted')
    signal.addEventListener('abort', () => resolve('aborted'))
  })
