import { afterEach, describe, expect, test } from 'vitest'
import type { Overlap } from '../../src/testing/intervals.ts'
import { freezeFirst, joinUnheard, leaveUnheard } from './support/bloc-faults.ts'
import { BlocGroup, longestMs } from './support/bloc-group.ts'
import { OriginalBloc } from './support/original-bloc.ts'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

/*
 * What the original does wrong, by models of its server and its client. These tests show that the checks of bloc.test.ts, which are the
 * same, can fail; and that our client can be a member of an original server.
 */
const INTERVAL_S = 0.5
const SHORT_SETTLE_MS = 100
const LONG_SETTLE_MS = 2.2 * INTERVAL_S * 1_000

let bloc: OriginalBloc | undefined
let group: BlocGroup | undefined

const end = async () => {
  await endAll()
  bloc?.close()
  group?.dispose()
}
afterEach(end)

const startGroup = async (kind: 'ours' | 'original', settleMs: number) => {
  bloc = await OriginalBloc.start({ timeoutMs: 1_000, settleMs })
  group = new BlocGroup(kind, INTERVAL_S)
  return { bloc, group }
}

/** What the original does wrong lasts for some milliseconds: a busy machine may not get round to asking meanwhile. */
const ROUNDS = 5

/** Of the first round in which there was any. */
const caught = async (
  fault: (group: BlocGroup, address: string) => Promise<void>,
  found: (group: BlocGroup) => Overlap[],
): Promise<Overlap[]> => {
  for (let round = 0; round < ROUNDS; round++) {
    const { bloc, group } = await startGroup('original', SHORT_SETTLE_MS)
    await fault(group, bloc.address)
    const overlaps = found(group)
    if (overlaps.length > 0) return overlaps
    await end()
  }
  return []
}

describe('with the original, the checker catches', () => {
  test('a member that was frozen and says its old index when it wakes', async () => {
    const { bloc, group } = await startGroup('original', SHORT_SETTLE_MS)
    await group.startSettled(['a', 'b', 'c'], bloc.address)
    for (let round = 0; round < ROUNDS && group.doubles().length === 0; round++) await freezeFirst(group)
    expect(group.doubles()).not.toEqual([])
    console.info(`original, frozen and continued: two with one index for ${longestMs(group.doubles())}`)
  })

  test('two members with one index, when one leaves and another does not hear of it', async () => {
    const doubles = await caught(leaveUnheard, (group) => group.doubles())
    expect(doubles).not.toEqual([])
    console.info(`original, a leave unheard: two with one index for ${longestMs(doubles)}`)
  })

  test('two totals, when one joins and another does not hear of it', async () => {
    const discords = await caught(joinUnheard, (group) => group.discords())
    expect(discords).not.toEqual([])
    console.info(`original, a join unheard: two totals for ${longestMs(discords)}`)
  })

  test('a member that was stopped and goes on saying its last slot', async () => {
    const { bloc, group } = await startGroup('original', SHORT_SETTLE_MS)
    const member = await group.start('a', bloc.address)
    await group.settled()
    await member.stopClient()
    const stoppedAt = member.saidAt('stopped') ?? Number.POSITIVE_INFINITY
    await waitFor('it to say its slot again', () => member.claims().some(({ endNs }) => endNs > stoppedAt))
  })
})

describe('our client with an original server that settles for more than two intervals', () => {
  test('gets a slot, keeps it, and gives it up', async () => {
    const { bloc, group } = await startGroup('ours', LONG_SETTLE_MS)
    const staying = await group.start('a', bloc.address)
    const leaving = await group.start('b', bloc.address)
    await group.settled()
    await leaving.stopClient()
    await group.settled([staying])
    expect(leaving.slot()).toBeNull()
  })

  test('lets its process end once it was stopped, and not before', async () => {
    const { bloc } = await startGroup('ours', LONG_SETTLE_MS)
    const program = `
      import { BlocClient } from 'caucus/compat'
      const client = new BlocClient('${bloc.address}', 60)
      client.startService()
      setTimeout(() => client.stopService().then(() => console.log('stopped')), 300)`
    const process = startNode(['--input-type=module', '--eval', program])
    await waitFor('the process to end by itself', () => process.ended())
    expect(process.ended()).toEqual({ code: 0, signal: null })
    expect(process.stdout()).toBe('stopped\n')
  })

  test('says nothing when it wakes from having been frozen', async () => {
    const { bloc, group } = await startGroup('ours', LONG_SETTLE_MS)
    await group.startSettled(['a', 'b', 'c'], bloc.address)
    expect(await freezeFirst(group)).toEqual([])
    expect(group.doubles()).toEqual([])
  })

  test.each([
    ['leaves', leaveUnheard],
    ['joins', joinUnheard],
  ])('has no double when one %s unheard', async (_, unheard) => {
    const { bloc, group } = await startGroup('ours', LONG_SETTLE_MS)
    await unheard(group, bloc.address)
    expect(group.claimed()).toBeGreaterThan(10)
    expect(group.doubles()).toEqual([])
    expect(group.discords()).toEqual([])
  })
})
