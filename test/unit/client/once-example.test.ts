import { expect, test } from 'vitest'
import { type Cron, cron, type Outcome } from '../../../examples/once.ts'
import { world } from './world.ts'

const NOON = 1_700_049_600_000

test('a cron on every replica runs each instant on one of them, and every one knows what came of it', async () => {
  const made = world({ wallMs: () => made.clock.now() + NOON })
  const { clock, connect, within } = made
  const instants = [10_000, 70_000, 130_000].map((afterMs) => new Date(clock.now() + NOON + afterMs))
  const ran: number[] = []
  const { signal } = new AbortController()
  const replica = async (id: string): Promise<Outcome[]> => {
    const caucus = await connect()
    const run: Cron['run'] = ({ at }) => {
      ran.push(at.getTime())
      // The second one has no paper.
      if (at.getTime() === instants[1]?.getTime()) throw new Error('no paper')
    }
    const outcomes: Outcome[] = []
    for await (const outcome of cron(caucus, { name: 'report', id, instants, run, signal })) outcomes.push(outcome)
    return outcomes
  }
  const replicas = await within(200_000, Promise.all([replica('a'), replica('b'), replica('c')]))
  expect(ran).toEqual(instants.map((at) => at.getTime()))
  const what = instants.map((_at, n) => replicas.map((outcomes) => outcomes[n]?.what).sort())
  expect(what).toEqual([
    ['done elsewhere', 'done elsewhere', 'ran'],
    ['failed elsewhere', 'failed elsewhere', 'failed here'],
    ['done elsewhere', 'done elsewhere', 'ran'],
  ])
})
