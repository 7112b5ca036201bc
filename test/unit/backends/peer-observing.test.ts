import { afterEach, describe, expect, test } from 'vitest'
import { ObservingCluster } from '../../../src/backends/peer/observing.ts'
import { soundPeer } from '../../../src/backends/peer/options.ts'
import type { PeerMessage } from '../../../src/core/election/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { FrameSocket, SocketSink } from '../../../src/ports/socket.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { encodeGreeting, encodePeerMessages } from '../../../src/wire/peers/frames.ts'

const turns = () => new Promise<void>((resolve) => setImmediate(resolve))
const closing: ObservingCluster[] = []
afterEach(() => Promise.all(closing.splice(0).map((each) => each.close())))

/** A voter, as the observer's connection to it sees one. */
class Voter implements FrameSocket {
  open = false
  readonly sent: string[] = []
  readonly url: string
  readonly #sink: SocketSink

  constructor(url: string, sink: SocketSink) {
    this.url = url
    this.#sink = sink
  }
  greets(id: string): void {
    this.open = true
    this.#sink.opened()
    this.#sink.text(encodeGreeting({ cluster: 'c', id, bootId: `${id}-boot` }))
  }
  beats(id: string, term: number, change: object = {}): void {
    const sender = { id, bootId: `${id}-boot`, cluster: 'c', voters: 'v', storeId: 's' }
    const beat = { type: 'beat', term, round: 1, promiseMs: 150, leads: true, generation: term, sender } as const
    const message: PeerMessage = { ...beat, ...change }
    this.#sink.heard()
    this.#sink.text(encodePeerMessages([message]))
  }
  says(frame: string): void {
    this.#sink.text(frame)
  }
  send(frame: string): void {
    this.sent.push(frame)
  }
  sendBytes(): void {}
  ping(): void {}
  fail(error: CaucusError): void {
    this.open = false
    this.#sink.closed(error)
  }
  close(gone: () => void): void {
    this.open = false
    gone()
  }
  terminate(): void {}
}

const stage = () => {
  const clock = new SimulatedClock()
  const voters: Voter[] = []
  let peers = ['a', 'b'].map((identifier) => ({ identifier, host: identifier, port: 7, metadata: {}, self: false }))
  let asked = 0
  const cluster = new ObservingCluster({
    sound: soundPeer({
      identifier: 'o',
      listen_port: 9,
      cluster: 'c',
      seeds: 'seed:1',
      timing: 'local',
      metadata: { web: 1 },
    }),
    seeds: [{ type: 'address', host: 'seed', port: 1 }],
    clocks: { grantor: clock, holder: clock },
    openSocket: ({ url }, sink) => {
      const voter = new Voter(url, sink)
      voters.push(voter)
      return voter
    },
    telemetry: undefined,
    random: () => 0.5,
    newId: () => 'o-boot',
    wallMs: () => 0,
    ask: () => {
      asked++
      return { answer: Promise.resolve(JSON.stringify({ cluster: 'c', peers })), end: () => undefined }
    },
  })
  closing.push(cluster)
  cluster.begin({ url: 'http://o:9', port: 9, close: async () => undefined })
  const move = (identifier: string, port: number) => {
    peers = peers.map((peer) => (peer.identifier === identifier ? { ...peer, port } : peer))
  }
  return { clock, voters, cluster, move, asked: () => asked }
}

describe('an observer', () => {
  test('says hello to every voter that its seed names, asks them who leads, and knows it from then on', async () => {
    const { voters, cluster, clock } = stage()
    expect(cluster.view()).toMatchObject({ role: 'observer', quorum: 0, peers: [] })
    expect(cluster.hosting.seat()).toEqual({ type: 'nobody' })
    await turns()
    const [a, b] = voters as [Voter, Voter]
    expect(voters.map(({ url }) => url)).toEqual(['ws://a:7/v1/peer', 'ws://b:7/v1/peer'])
    a.greets('a')
    b.greets('b')
    const hello = { cluster: 'c', id: 'o', bootId: 'o-boot', metadata: { web: 1 } }
    expect(a.sent).toEqual([encodeGreeting({ ...hello, observer: { host: '127.0.0.1', port: 9 } })])
    clock.advance(150)
    await turns()
    expect(JSON.parse(a.sent[1] ?? '[]')).toMatchObject([{ type: 'observe', sender: { id: 'o' } }])
    expect(b.sent).toHaveLength(2)

    const changed: unknown[] = []
    cluster.hosting.onSeat(() => changed.push(cluster.hosting.seat().type))
    b.beats('b', 3)
    expect(cluster.leader).toMatchObject({ identifier: 'b', host: 'b', port: 7, term: 3 })
    expect(cluster).toMatchObject({ isLeader: false, token: undefined, term: 3 })
    expect(cluster.hosting.seat()).toMatchObject({ type: 'there', peer: { identifier: 'b' } })
    expect(cluster.view()).toMatchObject({ quorum: 2, peers: [{ connected: true }, { connected: true }] })
    a.beats('a', 2)
    expect(cluster.leader?.identifier).toBe('b')
    a.beats('a', 4)
    expect(cluster.leader?.identifier).toBe('a')
    clock.advance(300)
    await turns()
    expect(cluster.leader).toBeUndefined()
    expect(changed).toEqual(['there', 'there', 'nobody'])
    await expect(cluster.transfer()).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
  })

  test('asks its seeds again while it knows of no leader, ever more rarely, and goes where the voters are now', async () => {
    const { voters, cluster, clock, move, asked } = stage()
    await turns()
    for (const voter of voters) voter.fail(new CaucusError('CAUCUS_CONNECTION_LOST', 'gone'))
    move('b', 8)
    const before = asked()
    for (let waits = 0; waits < 1_000 && asked() === before; waits++) {
      clock.advance(10)
      await turns()
    }
    await turns()
    const moved = voters.find(({ url }) => url === 'ws://b:8/v1/peer') ?? expect.fail('it went nowhere else')
    moved.greets('b')
    moved.beats('b', 1)
    expect(cluster.leader).toMatchObject({ identifier: 'b', port: 8 })
    const calm = asked()
    for (let beats = 0; beats < 20; beats++) {
      moved.beats('b', 1)
      clock.advance(100)
      await turns()
    }
    expect(asked()).toBe(calm)
    for (let waits = 0; waits < 3_000; waits++) {
      clock.advance(100)
      await turns()
    }
    expect(asked() - calm).toBeLessThan(20)
    expect(asked() - calm).toBeGreaterThan(5)
  })

  test('does not listen to what is no answer, and takes no connection of other peers', async () => {
    const { voters, cluster } = stage()
    await turns()
    const [a] = voters as [Voter]
    a.greets('a')
    const sender = { id: 'a', bootId: 'a-boot', cluster: 'c', voters: 'v', storeId: 's' }
    a.says(encodePeerMessages([{ type: 'timeoutNow', term: 1, sender }]))
    expect(a.open).toBe(false)
    expect(cluster.view().peers[0]).toMatchObject({ connected: false, problem: expect.stringContaining('asks on a') })

    let closed = ''
    let text: (frame: string) => void = () => undefined
    cluster.hosting.accept({
      connect: (sink) => {
        text = (frame) => sink.text(frame)
        const close = (code: number, why: string) => {
          closed = `${code} ${why}`
        }
        const nothing = () => undefined
        return {
          open: true,
          bufferedBytes: 0,
          send: nothing,
          sendBytes: nothing,
          ping: nothing,
          close,
          terminate: nothing,
        }
      },
      mayBe: () => undefined,
      gone: () => undefined,
    })
    text(encodeGreeting({ cluster: 'c', id: 'a', bootId: 'a-boot' }))
    expect(closed).toMatch(/^1008 /)
  })

  test('leaves no timer when it is closed', async () => {
    const { cluster, clock, voters } = stage()
    await turns()
    voters[0]?.greets('a')
    await cluster.close()
    expect(clock.pending).toBe(0)
    expect(cluster.leader).toBeUndefined()
    await expect(cluster.transfer()).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
  })
})
