import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../src/core/random.ts'
import { Box } from './support/local-box.ts'

const NAMES = ['a', 'b', 'c', 'd']
/** Longer, and another one each time: `LOCAL_STORM=600:7` is ten minutes of the seed 7. */
const [SECONDS = 12, SEED = 1] = (process.env.LOCAL_STORM ?? '').split(':').filter(Boolean).map(Number)

/** Something that befalls one of them; resolves once it is over. */
type Fault = (box: Box, id: string, random: Random) => Promise<void>

const anew = async (box: Box, id: string, signal: NodeJS.Signals) => {
  await box.end(id, signal)
  await box.start(id)
}

const FAULTS: Readonly<Record<string, Fault>> = {
  killed: (box, id) => anew(box, id, 'SIGKILL'),
  'asked to end': (box, id) => anew(box, id, 'SIGTERM'),
  stopped: async (box, id, random) => {
    box.signal(id, 'SIGSTOP')
    await sleep(random.next() * 5_000)
    box.signal(id, 'SIGCONT')
  },
  busy: async (box, id, random) => {
    const spinMs = random.next() * 5_000
    box.tell(id, { spinMs })
    await sleep(spinMs)
  },
  'without its term': async (box) => {
    const file = join(box.directory, `term-${box.serving().term}`)
    rmSync(file, { force: true })
  },
  'without its address': async (box) => {
    rmSync(join(box.directory, `term-${box.serving().term}.door`), { force: true })
  },
}

test(
  'no two ever hold the same, and tokens rise, whatever befalls the processes of a machine',
  async () => {
    const box = new Box()
    const random = seededRandom(SEED)
    try {
      await Promise.all(NAMES.map((id) => box.start(id)))
      await box.whole(NAMES)
      const until = performance.now() + SECONDS * 1_000
      const names = Object.keys(FAULTS)
      /** Each process has its own troubles, as many at a time as there are processes. */
      const trouble = async (id: string) => {
        while (performance.now() < until) {
          const name = names[Math.floor(random.next() * names.length)] ?? ''
          try {
            await FAULTS[name]?.(box, id, random)
          } catch (error) {
            // What somebody else has just taken away cannot be taken again.
            if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
          }
          await sleep(random.next() * 500)
        }
      }
      await Promise.all(NAMES.map(trouble))
      await box.whole(NAMES)
      const { overlaps, falls, claims } = box.judge()
      expect({ seed: SEED, overlaps, falls }).toEqual({ seed: SEED, overlaps: [], falls: [] })
      expect(claims).toBeGreaterThan(20)
    } finally {
      await box.close()
    }
  },
  SECONDS * 1_000 + 180_000,
)
