import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { pick } from '../simulation/conditions.ts'
import type { EtcdConditions } from './conditions.ts'
import { type AnyFault, COORDINATING } from './fault.ts'

interface Around {
  readonly random: Random
  readonly atMs: Millis
  /** Whom it meets. */
  readonly member: string
  /** Who comes meanwhile, so that something has to move. */
  readonly comer: string
  readonly leaseMs: Millis
  readonly requestMs: Millis
  /** After which a process that reaches nobody says so. */
  readonly silentMs: Millis
}

type Misfortune = (around: Around) => readonly AnyFault[]

/** Its answers come late, and then etcd has forgotten it while it cannot be reached: it believes for as long as ever it may. */
const forgotten: Misfortune = ({ random, atMs, member, leaseMs, requestMs }) => {
  const at = Math.round(atMs + (0.3 + random.next()) * leaseMs)
  const byMs = Math.round(requestMs * pick(random, [0, 0.9, 0.97]))
  return [
    { atMs, fault: 'answersSlow', on: member, byMs, forMs: Math.round(2 * leaseMs) },
    { atMs: at, fault: 'leaseExpires', on: member },
    { atMs: at, fault: 'partition', member, forMs: Math.round(3 * leaseMs) },
  ]
}

/** What a watch tells is old by the time that it arrives, and nothing else does. */
const staleNews: Misfortune = ({ random, atMs, member, comer, leaseMs, silentMs }) => {
  const lagMs = Math.round((0.7 + 0.25 * random.next()) * silentMs)
  return [
    { atMs, fault: 'join', member: comer },
    { atMs: atMs + 1, fault: 'watchesLag', on: member, forMs: lagMs },
    { atMs: atMs + 1, fault: 'dropUp', member, forMs: Math.round(3 * leaseMs) },
    { atMs: atMs + Math.round(lagMs * (0.35 + 0.2 * random.next())), fault: 'leaseExpires', on: member },
  ]
}

/** Somebody else coordinates, and one member is not told by its watch. */
const unheardElection: Misfortune = ({ random, atMs, member, leaseMs }) => [
  { atMs, fault: 'watchesLag', on: member, forMs: Math.round(4 * leaseMs + 5_000) },
  { atMs: Math.round(atMs + random.next() * leaseMs), fault: 'seatExpires' },
]

/** What has to move does, whoever has it goes on to the last, and whoever coordinates writes slowly meanwhile. */
const slowRevoke: Misfortune = ({ random, atMs, comer, leaseMs }) => [
  { atMs, fault: 'join', member: comer },
  {
    atMs,
    fault: 'requestsSlow',
    on: COORDINATING,
    byMs: Math.round(80 + 800 * random.next()),
    forMs: Math.round(3 * leaseMs),
  },
]

/** A session goes, for a while or for good, and the watch of whoever coordinates never tells. */
const unseenEnd: Misfortune = ({ random, atMs, member, comer, leaseMs }) => [
  { atMs, fault: 'watchesLag', on: COORDINATING, forMs: Math.round(leaseMs) },
  random.next() < 0.5
    ? { atMs: atMs + 1, fault: 'leaseExpires', on: member }
    : { atMs: atMs + 1, fault: 'crash', member, silent: true },
  { atMs: atMs + 2, fault: 'leaseExpires', on: member },
  { atMs: atMs + 3, fault: 'join', member: comer },
  { atMs: Math.round(atMs + 0.9 * leaseMs), fault: 'compaction' },
]

/** Whoever coordinates goes while a write of its is on its way, and members cannot say what they have. */
const lateReign: Misfortune = ({ random, atMs, member, leaseMs, requestMs }) => [
  {
    atMs,
    fault: 'requestsSlow',
    on: COORDINATING,
    byMs: Math.round(requestMs * random.next()),
    forMs: Math.round(leaseMs),
  },
  { atMs: Math.round(atMs + 0.5 * random.next() * leaseMs), fault: 'seatExpires' },
  { atMs, fault: 'answersSlow', on: member, byMs: Math.round(0.9 * requestMs), forMs: Math.round(2 * leaseMs) },
  { atMs: Math.round(atMs + random.next() * leaseMs), fault: 'partition', member, forMs: Math.round(3 * leaseMs) },
]

const MISFORTUNES = [forgotten, forgotten, staleNews, unheardElection, slowRevoke, lateReign, unseenEnd] as const

/** Things go wrong together, as they would have to for two to believe at once. */
export const drawMisfortunes = (
  random: Random,
  { cluster: { timing }, etcd: { requestMs } }: EtcdConditions,
  members: readonly string[],
  forMs: Millis,
): readonly AnyFault[] => {
  const { leaseMs, heartbeatMs } = timing
  const silentMs = Math.max(2.5 * heartbeatMs, 2 * requestMs)
  const schedule: AnyFault[] = []
  let comers = members.length
  for (let atMs = leaseMs * random.next(); atMs < forMs; atMs += leaseMs * (1 + 2 * random.next())) {
    const around = {
      random,
      atMs: Math.round(atMs),
      member: pick(random, members),
      comer: `m${++comers}`,
      leaseMs,
      requestMs,
      silentMs,
    }
    schedule.push(...pick(random, MISFORTUNES)(around))
  }
  return schedule
}
