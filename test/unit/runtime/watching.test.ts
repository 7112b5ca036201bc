import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Gap, History } from '../../../src/runtime/history.ts'
import { Latest } from '../../../src/runtime/latest.ts'

/** Either something happens, or the loop gets round to its next step. */
const script = fc.array(fc.constantFrom('happens' as const, 'step' as const), { maxLength: 60 })

describe('whatever the pace of a loop and of what it watches', () => {
  it('it sees values in the order in which they were set, none twice, and in the end the last one', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        const latest = new Latest(0)
        const watch = latest.watch()
        const seen: number[] = []
        let last = 0
        let waiting: Promise<void> | undefined
        const step = () => {
          waiting ??= watch.next().then(({ value }) => {
            waiting = undefined
            if (value !== undefined) seen.push(value)
          })
        }
        for (const what of steps) {
          if (what === 'happens') latest.set(++last)
          else step()
          await Promise.resolve()
        }
        latest.close()
        for await (const value of watch) seen.push(value)
        await waiting
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
        expect(seen.at(-1)).toBe(last)
        expect(latest.watchers).toBe(0)
      }),
    )
  })

  it('what it hears and what the gaps count are all that happened, in order, and no more than the buffer waits', async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.integer({ min: 1, max: 5 }), async (steps, buffer) => {
        const history = new History<{ readonly type: 'event'; readonly number: number }>()
        const events = history.events({ buffer })
        let recorded = 0
        let heard = 0
        const hear = (event: Gap | { readonly type: 'event'; readonly number: number }) => {
          if (event.type === 'gap') heard += event.dropped
          else expect(event.number).toBe(++heard)
        }
        for (const what of steps) {
          if (what === 'happens') history.record({ type: 'event', number: ++recorded })
          // Only what is there already: a loop that waits is another story.
          else if (heard < recorded) hear((await events.next()).value as Gap)
        }
        history.close()
        let waited = 0
        for await (const event of events) {
          hear(event)
          if (event.type === 'event') waited++
        }
        expect(heard).toBe(recorded)
        expect(waited).toBeLessThanOrEqual(buffer)
        expect(history.listeners).toBe(0)
      }),
    )
  })
})
