import type { Caucus, Producer, ReplyStream, StandardSchema } from 'caucus'
import { connect } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Subject } from './groups.ts'

/** Long enough for a message to go through a server and back, many times over. */
const PATIENCE_MS = 20_000

/** What a program may rely on in what is said on a topic: typed values, bytes and streams. */
export const topicValuesContract = (name: string, open: () => Promise<Subject>) =>
  describe(`values on topics on ${name}`, () => {
    let subject: Subject
    let asker: Caucus
    let other: Caucus
    beforeEach(async () => {
      subject = await open()
      asker = await connect(subject.backend)
      other = await connect(subject.backend)
    })
    afterEach(async () => {
      await other.close()
      await asker.close()
      await subject.close()
    })

    const ready = async (...producers: Producer[]) => {
      for (const producer of producers) await producer.ready()
    }

    test('bytes arrive as bytes', async () => {
      const bytes = (...values: number[]) => new Uint8Array(values)
      await ready(other.topic<Uint8Array, Uint8Array>('t').produce((given) => given.map((each) => each + 1)))
      const { replies } = await asker
        .topic<Uint8Array, Uint8Array>('t')
        .gather(bytes(1, 0, 254), { withinMs: PATIENCE_MS })
      expect(replies[0]?.value).toEqual(bytes(2, 1, 255))
    })

    test('a reply that does not fit is an outcome of whoever gave it, and not enough for anybody', async () => {
      const cents: StandardSchema<{ cents: number }> = {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) =>
            typeof (value as { cents?: unknown }).cents === 'number'
              ? { value: value as { cents: number } }
              : { issues: [{ message: 'give { cents }' }] },
        },
      }
      const untyped = other.topic('t')
      await ready(
        untyped.produce(() => ({ pence: 3 }), { id: 'stranger' }),
        untyped.produce(
          async () => {
            await new Promise((resume) => setTimeout(resume, 50))
            return { cents: 5 }
          },
          { id: 'shop' },
        ),
        other.topic('t', { reply: cents }).produce(() => ({ cents: 'x' }) as never, { id: 'typed' }),
      )
      const typed = asker.topic('t', { reply: cents })
      const { replies, errors } = await typed.gather(1, { until: 'first', withinMs: PATIENCE_MS })
      expect(replies).toEqual([{ type: 'reply', from: 'shop', value: { cents: 5 } }])
      expect(errors.map(({ from, error }) => [from, error.code]).toSorted()).toEqual([
        ['stranger', 'CAUCUS_HANDLER_FAILED'],
        ['typed', 'CAUCUS_HANDLER_FAILED'],
      ])
    })

    describe('a reply that comes in pieces', () => {
      const CHUNK = 64 * 1024
      const reading = async (caucus: Caucus) => {
        const topic = caucus.topic<number, ReplyStream>('t')
        const { replies } = await topic.gather(0, { until: 'first', withinMs: PATIENCE_MS })
        return replies[0]?.value ?? expect.fail('nobody replied')
      }

      test('is read as it comes, and no further ahead than a window', async () => {
        let given = 0
        await ready(
          other.topic('t').produce(async function* () {
            for (; given < 40; given++) yield new Uint8Array(CHUNK).fill(given)
          }),
        )
        let read = 0
        for await (const chunk of await reading(asker)) {
          if (read === 0) {
            await new Promise((resume) => setTimeout(resume, 50))
            expect(given).toBeLessThan(8)
          }
          expect(chunk.every((byte) => byte === Math.floor(read / CHUNK))).toBe(true)
          read += chunk.length
        }
        expect(read).toBe(40 * CHUNK)
      })

      test('ends at its source when its reader has enough', async () => {
        let stopped = () => {}
        const stop = new Promise<void>((resolve) => {
          stopped = resolve
        })
        await ready(
          other.topic('t').produce(async function* () {
            try {
              for (;;) yield new Uint8Array(CHUNK)
            } finally {
              stopped()
            }
          }),
        )
        for await (const chunk of await reading(asker)) {
          expect(chunk).toHaveLength(CHUNK)
          break
        }
        await stop
      })

      test('fails where its source fails', async () => {
        await ready(
          other.topic('t').produce(async function* () {
            yield new Uint8Array(1)
            throw new Error('the disk is on fire')
          }),
        )
        const read = async () => {
          for await (const _chunk of await reading(asker));
        }
        await expect(read()).rejects.toThrow('the disk is on fire')
      })
    })
  })
