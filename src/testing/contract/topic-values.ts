import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caucus, ReplyStream, StandardSchema } from '../../index.ts'
import { fails, latch, same } from './assertions.ts'
import type { Tell } from './stage.ts'
import { ofTopic, ready, sorted, within } from './topic-stage.ts'

const CHUNK = 64 * 1024

const centsOf = (value: unknown): number | undefined => {
  const { cents } = value as { readonly cents?: unknown }
  return typeof cents === 'number' ? cents : undefined
}

const CENTS: StandardSchema<{ cents: number }> = {
  '~standard': {
    version: 1,
    vendor: 'contract',
    validate: (value) => {
      const cents = centsOf(value)
      return cents === undefined ? { issues: [{ message: 'give { cents }' }] } : { value: { cents } }
    },
  },
}

/** The stream that is somebody's reply. */
const streamed = async (caucus: Caucus, t: string): Promise<ReplyStream> => {
  const { replies } = await caucus.topic<number, ReplyStream>(t).gather(0, { until: 'first', ...within })
  return replies[0]?.value ?? assert.fail('nobody replied')
}

/** What a program may rely on in what is said on a topic: typed values, bytes and streams. */
export const tellValues = (given: Tell): void => {
  const tell = ofTopic(given)

  tell('bytes arrive as bytes', async ({ asker, other, t }) => {
    await ready(other.topic<Uint8Array, Uint8Array>(t).produce((got) => got.map((each) => each + 1)))
    const { replies } = await asker.topic<Uint8Array, Uint8Array>(t).gather(new Uint8Array([1, 0, 254]), within)
    const value = replies[0]?.value
    assert.ok(value instanceof Uint8Array, `it came as ${typeof value}`)
    same([...value], [2, 1, 255])
  })

  tell(
    'a reply that does not fit is an outcome of whoever gave it, and not enough for anybody',
    async ({ asker, other, t }) => {
      const untyped = other.topic(t)
      await ready(
        untyped.produce(() => ({ pence: 3 }), { id: 'stranger' }),
        untyped.produce(
          async () => {
            await sleep(50)
            return { cents: 5 }
          },
          { id: 'shop' },
        ),
        other.topic(t, { reply: CENTS }).produce(() => ({ cents: 'x' }) as never, { id: 'typed' }),
      )
      const typed = asker.topic(t, { reply: CENTS })
      const { replies, errors } = await typed.gather(1, { until: 'first', ...within })
      same(replies, [{ type: 'reply', from: 'shop', value: { cents: 5 } }])
      same(sorted(errors.map(({ from, error }) => `${from}: ${error.code}`)), [
        'stranger: CAUCUS_HANDLER_FAILED',
        'typed: CAUCUS_HANDLER_FAILED',
      ])
    },
  )

  tell(
    'a reply that comes in pieces is read as it comes, and no further ahead than a window',
    async ({ asker, other, t }) => {
      let given = 0
      await ready(
        other.topic(t).produce(async function* () {
          for (; given < 40; given++) yield new Uint8Array(CHUNK).fill(given)
        }),
      )
      let read = 0
      for await (const chunk of await streamed(asker, t)) {
        if (read === 0) {
          await sleep(50)
          assert.ok(given < 8, `${given} pieces were given before the second was wanted`)
        }
        const from = Math.floor(read / CHUNK)
        assert.ok(
          chunk.every((byte) => byte === from),
          `something else than piece ${from} came`,
        )
        read += chunk.length
      }
      assert.equal(read, 40 * CHUNK)
    },
  )

  tell('a reply that comes in pieces ends at its source when its reader has enough', async ({ asker, other, t }) => {
    const stopped = latch()
    await ready(
      other.topic(t).produce(async function* () {
        try {
          for (;;) yield new Uint8Array(CHUNK)
        } finally {
          stopped.open()
        }
      }),
    )
    for await (const chunk of await streamed(asker, t)) {
      assert.equal(chunk.length, CHUNK)
      break
    }
    await stopped.opened
  })

  tell('a reply that comes in pieces fails where its source fails', async ({ asker, other, t }) => {
    await ready(
      other.topic(t).produce(async function* () {
        yield new Uint8Array(1)
        throw new Error('the disk is on fire')
      }),
    )
    const read = async () => {
      for await (const _chunk of await streamed(asker, t));
    }
    await fails(read(), 'the disk is on fire')
  })
}
