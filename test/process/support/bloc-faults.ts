import { setTimeout as sleep } from 'node:timers/promises'
import type { IntervalRecord } from '../../../src/testing/intervals.ts'
import type { BlocGroup, Member } from './bloc-group.ts'
import { waitFor } from './wait.ts'

/**
 * The member with index 1 is stopped (SIGSTOP) until the others have shared out everything, its index too, and then continued.
 * Resolves with what it claimed between that and the first time that it said "none".
 */
export const freezeFirst = async (group: BlocGroup): Promise<IntervalRecord[]> => {
  const frozen = group.members.find((member) => member.slot()?.[0] === 1)
  if (frozen === undefined) throw new Error('nobody has index 1: the group has not settled')
  frozen.process.signal('SIGSTOP')
  await group.settled(group.members.filter((member) => member !== frozen))
  await sleep(100)
  const continuedNs = Number(process.hrtime.bigint())
  frozen.process.signal('SIGCONT')
  const saidNone = await waitFor('the frozen one to say that it has no slot', () =>
    frozen.said().find(({ type, slot, atNs }) => type === 'slot' && slot === null && atNs > continuedNs),
  )
  await group.settled()
  return frozen.claims().filter(({ startNs, endNs }) => endNs > continuedNs && startNs < saidNone.atNs)
}

/** Of three members the first leaves while the second does not hear the server; the third is given the second's index then. */
export const leaveUnheard = async (group: BlocGroup, address: string): Promise<void> => {
  const [leaving, deaf, third] = (await group.startSettled(['a', 'b', 'c'], address)) as [Member, Member, Member]
  await deaf.goDeaf()
  await leaving.process.stop()
  await isOver(deaf, third, 2)
  await group.settled([deaf, third])
}

/** A third joins two members while one of them does not hear the server; the other is told of three members then. */
export const joinUnheard = async (group: BlocGroup, address: string): Promise<void> => {
  const [deaf, other] = (await group.startSettled(['a', 'b'], address)) as [Member, Member]
  const joining = await group.start('c', address, { when: 'later' })
  await joining.ready()
  await deaf.goDeaf()
  joining.startClient()
  await isOver(deaf, other, 3)
  await group.settled()
}

/** Both members have noticed: the one that hears by the new total, the deaf one by hearing nothing. Then it hears again. */
const isOver = async (deaf: Member, hearing: Member, total: number): Promise<void> => {
  await waitFor(`${hearing.id} to be one of ${total}`, () => hearing.slot()?.[1] === total)
  await waitFor(`${deaf.id} to notice that it is deaf`, () => deaf.slot() === null)
  deaf.proxy.set('down', {})
}
