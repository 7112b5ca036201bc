import { describe, expect, test } from 'vitest'
import { PeerLinks } from '../../../src/backends/peer/peer-links.ts'
import type { PeerMessage, Sender } from '../../../src/core/election/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { AcceptedSink, FrameSocket, SocketOptions, SocketSink } from '../../../src/ports/socket.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { encodeGreeting, encodePeerMessages } from '../../../src/wire/peers/frames.ts'

const senderOf = (id: string): Sender => ({ id, bootId: `${id}-boot`, cluster: 'c', voters: '', storeId: '' })
const greetingOf = (id: string, cluster = 'c') => ({ cluster, id, bootId: `${id}-boot` })
const beat = (id: string, round: number): Extract<PeerMessage, { type: 'beat' }> => ({
  type: 'beat',
  term: 1,
  round,
  promiseMs: 100,
  leads: true,
  generation: 1,
  sender: senderOf(id),
})
const acked: PeerMessage = { type: 'acked', term: 1, round: 1, promiseMs: 100, eligible: true, sender: senderOf('b') }

class Socket implements FrameSocket {
  open = false
  bufferedBytes = 0
  sent: string[] = []
  pings = 0
  readonly options: SocketOptions
  readonly sink: SocketSink

  constructor(options: SocketOptions, sink: SocketSink) {
    this.options = options
    this.sink = sink
  }

  /** The other end takes it, and says who it is. */
  opens(greeting = greetingOf('b')): void {
    this.open = true
    this.sink.opened()
    this.sink.text(encodeGreeting(greeting))
  }
  send(frame: string): void {
    if (this.open) this.sent.push(frame)
  }
  sendBytes(): void {}
  ping(): void {
    this.pings++
  }
  fail(error: CaucusError): void {
    this.open = false
    this.sink.closed(error)
  }
  close(gone: () => void): void {
    this.open = false
    gone()
  }
  terminate(): void {}
}

const stage = () => {
  const clock = new SimulatedClock()
  const sockets: Socket[] = []
  const received: [string, string][] = []
  const events: string[] = []
  const counted: string[] = []
  const links = new PeerLinks({
    greeting: greetingOf('a'),
    others: [{ identifier: 'b', host: '::1', port: 7, metadata: undefined }],
    token: 'secret',
    tls: undefined,
    clock,
    openSocket: (options, sink) => {
      const socket = new Socket(options, sink)
      sockets.push(socket)
      return socket
    },
    random: () => 1,
    reconnectMaxMs: 100,
    quietMs: 50,
    telemetry: {
      event: () => undefined,
      count: (name) => void counted.push(name),
      gauge: () => undefined,
      duration: () => undefined,
      log: () => undefined,
    },
    received: (from, { type }) => void received.push([from, type]),
    refused: (id, because) => void events.push(`${id} ${because}`),
    tell: (event) => void events.push(event.type === 'link.refused' ? `refused: ${event.error.message}` : event.type),
  })
  const accept = (mayBe: (id: string) => CaucusError | undefined = () => undefined) => {
    const far = {
      open: true,
      bufferedBytes: 0,
      sent: [] as string[],
      closed: undefined as string | undefined,
      cut: false,
    }
    let sink: AcceptedSink | undefined
    const end = links.accept({
      connect: (given) => {
        sink = given
        return {
          get open() {
            return far.open
          },
          get bufferedBytes() {
            return far.bufferedBytes
          },
          send: (frame) => void far.sent.push(frame),
          sendBytes: () => undefined,
          ping: () => undefined,
          close: (code, reason) => {
            far.open = false
            far.closed = `${code} ${reason}`
          },
          terminate: () => {
            far.cut = true
            sink?.closed()
          },
        }
      },
      mayBe,
      gone: () => undefined,
    })
    return { far, end, text: (frame: string) => sink?.text(frame), binary: () => sink?.binary(new Uint8Array()) }
  }
  const dialed = () => {
    links.open()
    const [socket] = sockets
    return socket ?? expect.fail('nobody was called')
  }
  return { clock, sockets, received, events, counted, links, accept, dialed }
}
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a connection that this peer has made', () => {
  test('says hello with its token, and then everything of one turn in one frame', async () => {
    const { dialed, links, received, events } = stage()
    const socket = dialed()
    expect(socket.options).toMatchObject({
      url: 'ws://[::1]:7/v1/peer',
      token: 'secret',
      subprotocols: ['caucus.peer.v1'],
    })
    links.send('b', beat('a', 1))
    socket.opens()
    links.send('b', beat('a', 2))
    links.send('b', beat('a', 3))
    await settled()
    expect(socket.sent).toEqual([encodeGreeting(greetingOf('a')), encodePeerMessages([beat('a', 2), beat('a', 3)])])
    socket.sink.text(encodePeerMessages([acked]))
    expect(received).toEqual([['b', 'acked']])
    expect(events).toEqual(['link.opened'])
  })

  test('is made again when it is lost, with pauses that grow to their limit, and nothing is kept meanwhile', async () => {
    const { dialed, links, sockets, clock, events } = stage()
    const lost = () => new CaucusError('CAUCUS_CONNECTION_LOST', 'nobody there')
    dialed().fail(lost())
    const tries: number[] = []
    for (let n = 1; n < 6; n++) {
      const before = clock.now()
      while (sockets.length === n) clock.advance(1)
      tries.push(clock.now() - before)
      sockets[n]?.fail(lost())
    }
    expect(tries).toEqual([20, 40, 80, 100, 100])
    expect(events).toEqual(['refused: nobody there'])
    links.send('b', beat('a', 1))
    clock.advance(100)
    sockets.at(-1)?.opens()
    await settled()
    expect(sockets.at(-1)?.sent).toHaveLength(1)
  })

  test('keeps a few of the newest words for one who does not read, and no more', async () => {
    const { dialed, links } = stage()
    const socket = dialed()
    socket.opens()
    socket.bufferedBytes = 1_000_000
    for (let round = 0; round < 500; round++) {
      links.send('b', beat('a', round))
      if (round % 50 === 0) await settled()
    }
    await settled()
    expect(socket.sent).toHaveLength(1)
    socket.bufferedBytes = 0
    links.send('b', beat('a', 500))
    await settled()
    const rounds = (JSON.parse(socket.sent[1] ?? '[]') as { round: number }[]).map(({ round }) => round)
    expect(rounds).toHaveLength(64)
    expect(rounds.at(-1)).toBe(500)
    expect(rounds[0]).toBe(437)
  })

  test('is given up when its other end has said nothing, though it was asked', () => {
    const { dialed, clock, sockets } = stage()
    const socket = dialed()
    socket.opens()
    clock.advance(60)
    expect(socket.pings).toBe(1)
    clock.advance(200)
    expect(sockets.length).toBeGreaterThan(1)
  })

  test.each([
    ['another peer than the one of this address', encodeGreeting(greetingOf('z')), /is the peer "z", not "b"/],
    ['a peer of another cluster', encodeGreeting(greetingOf('b', 'd')), /is of the cluster "d", not of "c"/],
    ['no peer at all', '[]', /cannot be understood/],
  ])('is not used with %s', (_what, frame, message) => {
    const { dialed, links, events } = stage()
    const socket = dialed()
    socket.open = true
    socket.sink.opened()
    socket.sink.text(frame)
    expect(links.isConnected('b')).toBe(false)
    expect(events).toEqual([expect.stringMatching(message)])
    expect(links.problemOf('b')).toMatch(message)
  })

  test('carries answers back and no questions: those come from somebody who has shown who it is', () => {
    const { dialed, received, links } = stage()
    const socket = dialed()
    socket.opens()
    socket.sink.text(encodePeerMessages([acked, beat('b', 1)]))
    expect(received).toEqual([])
    expect(links.isConnected('b')).toBe(false)
  })

  test('leaves no timer when it is closed', async () => {
    const { dialed, links, clock } = stage()
    dialed().opens()
    await links.close()
    expect(clock.pending).toBe(0)
  })
})

describe('a connection that another peer has made', () => {
  test('is answered where the question came from', async () => {
    const { accept, received, links } = stage()
    const { far, text } = accept()
    text(encodeGreeting(greetingOf('b')))
    text(encodePeerMessages([beat('b', 1)]))
    const [[from] = ['']] = received
    expect(from).not.toBe('b')
    links.send(from, { ...acked, sender: senderOf('a') })
    await settled()
    expect(far.sent).toEqual([
      encodeGreeting(greetingOf('a')),
      encodePeerMessages([{ ...acked, sender: senderOf('a') }]),
    ])
  })

  test('ends the wait for a connection of our own', () => {
    const { dialed, accept, sockets } = stage()
    dialed().fail(new CaucusError('CAUCUS_CONNECTION_LOST', 'nobody there'))
    accept().text(encodeGreeting(greetingOf('b')))
    expect(sockets).toHaveLength(2)
  })

  test.each([
    ['nobody that is configured', greetingOf('z'), 'z notAVoter'],
    ['this very id', { ...greetingOf('a'), bootId: 'other' }, 'a ownId'],
    ['another cluster', greetingOf('b', 'd'), 'b anotherCluster'],
  ])('by %s is refused, counted, and told once', (_who, greeting, told) => {
    const { accept, events, counted, received } = stage()
    for (let time = 0; time < 2; time++) {
      const { far, text } = accept()
      text(encodeGreeting(greeting))
      text(encodePeerMessages([beat('b', 1)]))
      expect(far.closed).toMatch(/^1008 /)
      expect(far.sent).toEqual([])
    }
    expect(events).toEqual([told])
    expect(counted).toEqual(['peer_frames_refused', 'peer_frames_refused'])
    expect(received).toEqual([])
  })

  test('by somebody who may not be that voter is refused before anything is said, and later when that changes', () => {
    const { accept } = stage()
    const forbidden = new CaucusError('CAUCUS_FORBIDDEN', 'no')
    const refused = accept(() => forbidden)
    refused.text(encodeGreeting(greetingOf('b')))
    expect(refused.far).toMatchObject({ closed: '1008 CAUCUS_FORBIDDEN: no', sent: [] })

    let fault: CaucusError | undefined
    const later = accept(() => fault)
    later.text(encodeGreeting(greetingOf('b')))
    expect(later.end.review()).toBe(false)
    fault = forbidden
    expect(later.end.review()).toBe(true)
    expect(later.far.closed).toBe('1008 CAUCUS_FORBIDDEN: no')
  })

  test('with what no peer says is closed, and nothing of that frame is taken', () => {
    const { accept, received, counted } = stage()
    const { far, text } = accept()
    text(encodeGreeting(greetingOf('b')))
    text(encodePeerMessages([beat('b', 1), { ...beat('b', 2), term: -1 }]))
    expect(far.closed).toMatch(/^1002 CAUCUS_PROTOCOL/)
    expect(received).toEqual([])
    expect(counted).toEqual(['peer_frames_refused'])
    const bytes = accept()
    bytes.binary()
    expect(bytes.far.closed).toMatch(/^1002/)
  })

  test('is one of a few: of those that one voter has, and that have said nothing, the oldest are cut', () => {
    const { accept } = stage()
    const named = Array.from({ length: 10 }, () => {
      const one = accept()
      one.text(encodeGreeting(greetingOf('b')))
      return one.far
    })
    expect(named.map(({ cut }) => cut)).toEqual([true, true, ...Array(8).fill(false)])
    const silent = Array.from({ length: 70 }, () => accept())
    expect(silent.filter(({ far }) => far.cut)).toHaveLength(6)
  })
})
