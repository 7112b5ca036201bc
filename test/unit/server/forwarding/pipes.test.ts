import { describe, expect, test } from 'vitest'
import type { Caller } from '../../../../src/server/access/caller.ts'
import { Principal } from '../../../../src/server/access/principal.ts'
import { Pipes } from '../../../../src/server/forwarding/pipes.ts'
import { SimulatedClock } from '../../../../src/testing/simulated-clock.ts'
import { addressed } from './peers.ts'

const CALLER: Caller = {
  principal: new Principal('anybody', 'nothing', []),
  shown: { via: 'nothing' },
  from: { address: '127.0.0.1', network: '127.0.0.1' },
}

const start = () => {
  const clock = new SimulatedClock(0)
  const pipes = new Pipes(clock, 2_000)
  const cut: string[] = []
  const add = (name: string, to: string, isEndless: boolean) => {
    const remove = pipes.add({
      to: addressed(to, 1),
      caller: CALLER,
      isEndless,
      cut: ({ code }) => {
        cut.push(`${name} ${code}`)
        remove()
      },
    })
    return remove
  }
  return { clock, pipes, cut, add }
}

describe('what is under way to a peer', () => {
  test('goes on as long as that one serves', () => {
    const { pipes, cut, add } = start()
    add('link', 'a', true)
    pipes.moved({ type: 'there', peer: addressed('a', 1) })
    expect(cut).toEqual([])
  })

  test('is cut at once when another one does, but for answers that are owed: these may come for a while', async () => {
    const { clock, pipes, cut, add } = start()
    add('link', 'a', true)
    add('slow answer', 'a', false)
    const answered = add('answer', 'a', false)
    add('new link', 'b', true)
    pipes.moved({ type: 'there', peer: addressed('b', 1) })
    expect(cut).toEqual(['link CAUCUS_CONNECTION_LOST'])
    answered()
    await clock.play(3_000)
    expect(cut).toEqual(['link CAUCUS_CONNECTION_LOST', 'slow answer CAUCUS_CONNECTION_LOST'])
    expect(pipes.size).toBe(1)
  })

  test('is cut when nobody is known to serve for long, and not for a moment', async () => {
    const { clock, pipes, cut, add } = start()
    add('link', 'a', true)
    pipes.moved({ type: 'nobody' })
    await clock.play(500)
    pipes.moved({ type: 'there', peer: addressed('a', 1) })
    await clock.play(5_000)
    expect(cut).toEqual([])
    pipes.moved({ type: 'nobody' })
    await clock.play(1_500)
    expect(cut).toEqual(['link CAUCUS_CONNECTION_LOST'])
  })

  test('is cut when the entries do not name its caller any more', () => {
    const { pipes, cut, add } = start()
    add('link', 'a', true)
    expect(pipes.review(() => undefined)).toBe(0)
    expect(pipes.size).toBe(1)
    pipes.terminate()
    expect(cut).toHaveLength(1)
  })
})
