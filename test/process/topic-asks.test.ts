import { afterEach, describe, expect, test } from 'vitest'
import type { AskLane, AskSight, AsksSeen } from '../../src/core/dispatch/sight.ts'
import { agreed, PeerWorld } from './support/peers.ts'
import { endAll, type Running, repository, startCaucus, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const watches: Watch[] = []
afterEach(async () => {
  for (const watch of watches.splice(0)) watch.close()
  await endAll()
})

/** Somebody who looks at the asks of the topic `t`, as `curl -N` would. */
class Watch {
  readonly asks = new Map<number, AskSight>()
  readonly seen: AsksSeen[] = []
  isOver = false
  text = ''
  readonly #ended = new AbortController()

  static async open(url: string): Promise<Watch> {
    const watch = new Watch()
    watches.push(watch)
    const response = await fetch(`${url}/v1/topics/t/asks`, { signal: watch.#ended.signal })
    expect(response.status).toBe(200)
    void watch.#read(response)
    return watch
  }

  close(): void {
    this.#ended.abort()
  }

  /** An ask of which this is so. */
  until(what: string, is: (ask: AskSight) => boolean): Promise<AskSight> {
    return waitFor(what, () => [...this.asks.values()].find(is))
  }

  async #read({ body }: Response): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    try {
      for await (const piece of body ?? []) {
        rest += decoder.decode(piece as Uint8Array, { stream: true })
        const blocks = rest.split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // Closed by the test, or cut with its server.
    }
    this.isOver = true
  }

  #take(block: string): void {
    this.text += block
    const [, data] = /^event: asks\ndata: (.*)$/m.exec(block) ?? []
    if (data === undefined) return
    const seen = JSON.parse(data) as AsksSeen
    this.seen.push(seen)
    for (const ask of seen.asks) this.asks.set(ask.ask, ask)
  }
}

const producer = async (url: string, id: string): Promise<Running> => {
  const running = startNode([`${repository}/test/process/support/topic-producer.mjs`, url, id])
  await waitFor(`${id} to produce`, () => running.stdout().includes('ready'))
  return running
}
const ask = async (url: string, request: string, within = 60_000): Promise<void> => {
  try {
    const body = JSON.stringify(request)
    const answer = await fetch(`${url}/v1/topics/t/requests?within=${within}`, { method: 'POST', body })
    await answer.text()
  } catch {
    // Its server was killed, or the test is over.
  }
}
const laneOf = ({ lanes }: AskSight, id: string): AskLane | undefined => lanes.find((lane) => lane.id === id)

describe('whoever watches a topic of a server', () => {
  test('sees who answers and who is killed meanwhile, and nothing of what is said', async () => {
    const { url } = await startServer(['--fresh'])
    await producer(url, 'a')
    const b = await producer(url, 'b')
    const watch = await Watch.open(url)
    void ask(url, 'silent')
    await watch.until('both to be at work', ({ lanes }) => lanes.every(({ outcome }) => outcome === 'waiting'))
    await ask(url, 'something confidential')
    await watch.until('both to reply', ({ replied, ending }) => replied === 2 && ending === 'met')
    await b.stop('SIGKILL')
    const deserted = await watch.until('one to be gone', (each) => laneOf(each, 'b')?.outcome === 'left')
    expect(laneOf(deserted, 'a')?.outcome).toBe('waiting')
    expect(watch.text).not.toContain('confidential')
  })

  test('sees how much it is used, as `caucus top` does', async () => {
    const { url } = await startServer(['--fresh'])
    await producer(url, 'a')
    const watch = await Watch.open(url)
    await ask(url, 'hello')
    // Again and again: on a busy machine the limit of one may be over before anybody was asked, and what was seldom is soon forgotten.
    await waitFor('the rates', async () => {
      await ask(url, 'silent', 50)
      return watch.seen.some(({ rates }) => (rates?.timeoutsPerSecond ?? 0) > 0)
    })
    const top = startCaucus(['top', '--server', url, '--json'])
    await waitFor('caucus top to end', () => top.ended())
    const { topics } = JSON.parse(top.stdout()) as { topics: readonly { rates: Record<string, number> }[] }
    expect(topics[0]?.rates).toMatchObject({ asksPerSecond: expect.any(Number), p50Ms: expect.any(Number) })
    const printed = startCaucus(['top', '--server', url], { NO_COLOR: '1' })
    await waitFor('caucus top to end', () => printed.ended())
    expect(printed.stdout()).toMatch(
      /^ {2}TOPIC +PRODUCERS +QUEUED +ASKS\/S +REPLIES\/S +FAILED\/S +TIMEOUTS\/S +P50 +P99/m,
    )
    expect(printed.stdout()).toMatch(/^ {2}t +1 +0 +[\d.<]+ +[\d.<]+ +0 +[\d.<]+ +[\d.]+ m?s/m)
  })
})

test('through any peer of a cluster it is the same, and goes on under the next that leads', async () => {
  const world = await PeerWorld.of('a', 'b', 'c')
  try {
    const peers = world.startAll()
    const leader = await agreed(peers)
    const others = peers.filter(({ id }) => id !== leader.identifier)
    const [near, other] = others as [(typeof peers)[0], (typeof peers)[0]]
    await producer(near.url, 'p')
    const watch = await Watch.open(near.url)
    void ask(other.url, 'hello')
    await watch.until('a reply', ({ replied }) => replied === 1)
    await peers.find(({ id }) => id === leader.identifier)?.stop('SIGKILL')
    await waitFor('the stream to end with its leader', () => watch.isOver)
    await agreed(others, leader.token)
    const again = await waitFor('to watch anew', () => Watch.open(other.url).catch(() => undefined))
    await waitFor('somebody to reply under the next one', async () => {
      await ask(near.url, 'hello', 1_000)
      return [...again.asks.values()].some(({ replied }) => replied === 1)
    })
  } finally {
    await endAll()
    world.remove()
  }
}, 120_000)
