import { type Caucus, isCaucusError, type Tenure } from 'caucus'
import { describe, expect, test } from 'vitest'
import { type Random, seededRandom } from '../../../src/core/random.ts'
import { world } from './world.ts'

const pick = <T>(random: Random, among: readonly T[]): T => among[random.below(among.length)] as T

/** Everything that programs do with one election, for a while, in an order that chance makes; looked at after every step. */
const play = async (seed: number) => {
  const random = seededRandom(seed).fork('elections')
  const { clock, connect, within } = world()
  const connections: Caucus[] = [await connect(), await connect()]
  const tenures: Tenure[] = []
  const tokens: number[] = []
  const stops: AbortController[] = []
  const ends: (() => void)[] = []
  const endings: Promise<unknown>[] = []
  const working = new Map<string, number>()
  const faults: string[] = []

  const took = (tenure: Tenure): void => {
    tenures.push(tenure)
    if (tenure.token <= (tokens.at(-1) ?? 0)) faults.push(`token ${tenure.token} after ${tokens.at(-1)}`)
    tokens.push(tenure.token)
  }
  const work = (call: string) => async (tenure: Tenure) => {
    took(tenure)
    if ((working.get(call) ?? 0) > 0) faults.push(`${call} works twice at a time`)
    working.set(call, 1)
    try {
      const how = random.next()
      if (how < 0.1) throw new Error('its own')
      if (how < 0.2) await tenure.resign()
      await new Promise<void>((resolve) => {
        ends.push(resolve)
        // Some listen, and some go on for a while.
        if (how < 0.7) tenure.signal.addEventListener('abort', () => resolve())
      })
      if (how < 0.5) tenure.signal.throwIfAborted()
      return tenure.token
    } finally {
      working.set(call, 0)
    }
  }
  const known = (error: unknown): void => {
    if (error instanceof Error && (error.message === 'its own' || error.message === 'stop')) return
    const codes = ['CAUCUS_CLOSED', 'CAUCUS_FENCED', 'CAUCUS_LEADERSHIP_LOST']
    if (!isCaucusError(error) || !codes.includes(error.code)) faults.push(`ended by ${String(error)}`)
  }
  const begin = (): void => {
    const caucus = pick(random, connections)
    const stop = new AbortController()
    stops.push(stop)
    const call = `call ${endings.length}`
    const id = random.next() < 0.3 ? { id: pick(random, ['a', 'b']) } : {}
    const options = { ...id, signal: stop.signal }
    const again = random.next() < 0.7
    const ended =
      random.next() < 0.7
        ? caucus.election('e').lead(work(call), { ...options, again })
        : caucus.election('e').campaign(options).then(took)
    endings.push(ended.catch(known))
  }
  const step = async (): Promise<void> => {
    const draw = random.next()
    if (draw < 0.3) begin()
    else if (draw < 0.5) ends.splice(random.below(ends.length + 1), 1)[0]?.()
    else if (draw < 0.6) void pick(random, tenures)?.resign()
    else if (draw < 0.7) pick(random, stops)?.abort(new Error('stop'))
    else if (draw < 0.76) clock.stall(random.below(3_000))
    else if (draw < 0.8) {
      const [closing] = connections.splice(random.below(2), 1)
      endings.push((closing as Caucus).close())
      connections.push(await connect())
    }
    const held = tenures.filter((tenure) => tenure.held)
    if (held.length > 1) faults.push(`${held.map(({ token }) => token)} are held at once`)
    await clock.play(random.below(random.next() < 0.8 ? 100 : 1_500))
  }
  for (let n = 0; n < 60 && faults.length === 0; n++) await step()
  expect(faults).toEqual([])
  // Whatever still works ends, whatever waits is called off, and nothing hangs.
  for (const stop of stops) stop.abort(new Error('stop'))
  await clock.play(10)
  for (let n = 0; n < 5; n++) {
    for (const end of ends.splice(0)) end()
    await clock.play(100)
  }
  await within(20_000, Promise.all([...endings, ...connections.map((caucus) => caucus.close())]))
  expect([faults, tenures.filter(({ held }) => held)]).toEqual([[], []])
  return tokens.length
}

describe('whatever programs do with an election', () => {
  test.each(Array.from({ length: 5 }, (_, n) => n))(
    'one leads at a time, tokens rise, no call works twice at once, and everything ends (%i)',
    async (part) => {
      let tenures = 0
      for (let seed = 1; seed <= 20; seed++) tenures += await play(part * 1_000 + seed)
      expect(tenures).toBeGreaterThan(50)
    },
  )
})
