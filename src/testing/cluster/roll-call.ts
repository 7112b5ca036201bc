import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import type { Bench } from './bench.ts'
import type { EventLoop } from './event-loop.ts'
import type { SimulatedMember } from './member.ts'
import type { MemberProcess } from './member-process.ts'
import type { TopicReply, TopicRequest } from './topic-facts.ts'
import { cannotAsk, ROLL_CALL } from './topic-plans.ts'

/** Long enough for everybody to answer everybody, one after the other. */
const WITHIN_MS = 60_000

/** A cluster whose members ask and answer. */
export interface RollCalled {
  readonly bench: Bench
  readonly members: readonly SimulatedMember[]
  readonly nowMs: Millis
  readonly healingMs: Millis
  play(ms: Millis): Promise<void>
  wait<T>(promise: Promise<T>, options: { readonly withinMs: Millis }): Promise<T>
}

/**
 * Everything works: whoever answered before is on the roster again, whatever became of links and servers, and who asks everybody has an
 * answer of everybody.
 */
export const callRoll = async (cluster: RollCalled): Promise<void> => {
  const { heartbeatMs, reconnectMaxMs } = cluster.bench.conditions.timing
  // A link that is dead is noticed by its silence.
  await cluster.play(4 * heartbeatMs + reconnectMaxMs)
  const end = cluster.nowMs + cluster.healingMs
  while (registering(cluster).length > 0 && cluster.nowMs < end) await cluster.play(heartbeatMs)
  for (const { who } of registering(cluster)) {
    cluster.bench.topics.broken('Roster', who, `${who} is linked, and what it produces on is not on the roster`)
  }
  const processes = cluster.members.flatMap((member) => member.processes).filter(({ state }) => state === 'runs')
  const { topics } = cluster.bench
  const listening = processes.filter(({ loop }) => topics.roll.take(loop) !== undefined)
  const asked = processes.map((process) => process.loop.run(() => call(cluster, process)))
  try {
    const tokens = await cluster.wait(Promise.all(asked), { withinMs: 2 * WITHIN_MS })
    await cluster.play(heartbeatMs + 20 * cluster.bench.conditions.delayMs)
    for (const { who, loop } of listening) judgeHeard(cluster, who, loop, tokens)
  } catch (error) {
    // Whoever it is that waits is named when everything is closed.
    if (!isCaucusError(error) || error.code !== 'CAUCUS_TIMEOUT') throw error
  }
}

const registering = (cluster: RollCalled): readonly MemberProcess[] =>
  [...answering(cluster).values()].filter(
    ({ loop }) => cluster.bench.topics.roll.producerIn(loop)?.state === 'registering',
  )

/** Those who answer, as far as they know. */
const answering = (cluster: RollCalled): ReadonlyMap<string, MemberProcess> => {
  const { topics } = cluster.bench
  const all = cluster.members.flatMap((member) => member.processes)
  const there = all.filter(({ loop }) => {
    const producer = loop.state === 'over' ? undefined : topics.roll.producerIn(loop)
    return producer !== undefined && producer.state !== 'left' && producer.state !== 'draining'
  })
  return new Map(there.map((process) => [process.id, process]))
}

/** Whoever listens has heard of each of these asks, or that it missed something. */
const judgeHeard = (
  { bench: { topics } }: RollCalled,
  who: string,
  loop: EventLoop,
  asked: readonly (string | undefined)[],
): void => {
  const roll = topics.roll.take(loop)
  if (roll === undefined || roll.missed || loop.state !== 'runs') return
  const unheard = asked.filter((token) => token !== undefined && !roll.tokens.has(token))
  if (unheard.length > 0)
    topics.broken('Heard', who, `${who} listens while the roll is called, and did not hear ${unheard}`)
}

/** Gives the token of the ask, if it had any reply. */
const call = async (cluster: RollCalled, { who, loop, caucus }: MemberProcess): Promise<string | undefined> => {
  const { topics } = cluster.bench
  if (caucus === undefined || topics.roll.producerIn(loop) === undefined) return undefined
  const before = answering(cluster)
  const ask = topics.asks(who, loop, ROLL_CALL, WITHIN_MS)
  try {
    const topic = caucus.topic<TopicRequest, TopicReply>(ROLL_CALL)
    const { replies, errors } = await topic.gather({ token: ask.token, want: 'value' }, { withinMs: WITHIN_MS })
    const after = answering(cluster)
    for (const id of before.keys()) {
      // Whoever has too much to carry at this moment says so, and is there.
      if ([...replies, ...errors].some(({ from }) => from === id) || before.get(id) !== after.get(id)) continue
      topics.broken('Roster', who, `${who} calls the roll, and ${id} is there and is not heard`)
    }
    return replies.length > 0 ? ask.token : undefined
  } catch (error) {
    if (!cannotAsk(error)) throw error
    return undefined
  } finally {
    topics.ended(ask)
  }
}
