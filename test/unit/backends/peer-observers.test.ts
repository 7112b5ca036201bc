import { describe, expect, test } from 'vitest'
import { PeerLinks } from '../../../src/backends/peer/peer-links.ts'
import type { PeerMessage } from '../../../src/core/election/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { ObserverGate } from '../../../src/ports/peers.ts'
import type { AcceptedSink } from '../../../src/ports/socket.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { encodeGreeting, encodePeerMessages } from '../../../src/wire/peers/frames.ts'

const greetingOf = (id: string, change: object = {}) => ({
  cluster: 'c',
  id,
  bootId: `${id}-boot`,
  observer: { host: '0.0.0.0', port: 9 },
  metadata: { of: id },
  ...change,
})
const said = (type: 'observe' | 'preVote', id: string): PeerMessage => {
  const sender = { id, bootId: `${id}-boot`, cluster: 'c', voters: '', storeId: '' }
  return type === 'observe' ? { type, sender } : { type, term: 1, round: 1, sender }
}
const gateOf = (change: Partial<ObserverGate> = {}): ObserverGate => ({
  key: 'token a',
  address: '10.0.0.9',
  mayBe: () => undefined,
  ...change,
})

const stage = () => {
  const clock = new SimulatedClock()
  const received: string[] = []
  const told: string[] = []
  const links = new PeerLinks({
    greeting: { cluster: 'c', id: 'a', bootId: 'a-boot' },
    others: [{ identifier: 'b', host: 'b', port: 7, metadata: undefined }],
    token: undefined,
    tls: undefined,
    clock,
    openSocket: () => expect.fail('it connects to nobody here'),
    random: () => 1,
    reconnectMaxMs: 100,
    quietMs: 80,
    telemetry: undefined,
    received: (_from, { type, sender }) => void received.push(`${sender.id} ${type}`),
    refused: (id, because) => void told.push(`${id} ${because}`),
    tell: (event) => void told.push('observer' in event ? `${event.type} ${event.observer}` : event.type),
  })
  const accept = (observer: ObserverGate | undefined = gateOf()) => {
    const far = { open: true, sent: [] as string[], closed: undefined as string | undefined }
    let sink: AcceptedSink | undefined
    const end = links.accept({
      connect: (given) => {
        sink = given
        return {
          get open() {
            return far.open
          },
          bufferedBytes: 0,
          send: (frame) => void far.sent.push(frame),
          sendBytes: () => undefined,
          ping: () => undefined,
          close: (code, reason) => {
            far.open = false
            far.closed = `${code} ${reason}`
          },
          terminate: () => sink?.closed(),
        }
      },
      mayBe: () => new CaucusError('CAUCUS_FORBIDDEN', 'no voter'),
      observer,
      gone: () => undefined,
    })
    const text = (frame: string) => sink?.text(frame)
    return { far, end, text, gone: () => sink?.closed(), hello: (id: string) => text(encodeGreeting(greetingOf(id))) }
  }
  return { clock, received, told, links, accept }
}

describe('somebody without a vote', () => {
  test('is listed with where it can be reached and what it says, until its connection has been gone for a while', () => {
    const { accept, links, told, clock } = stage()
    const { hello, far, gone } = accept()
    hello('o')
    expect(far.sent).toEqual([encodeGreeting({ cluster: 'c', id: 'a', bootId: 'a-boot' })])
    const seen = { identifier: 'o', host: '10.0.0.9', port: 9, metadata: { of: 'o' } }
    expect(links.observers).toEqual([{ ...seen, connected: true }])
    gone()
    expect(links.observers).toEqual([{ ...seen, connected: false }])
    clock.advance(400)
    const again = accept()
    again.hello('o')
    clock.advance(1_000)
    expect(links.observers).toEqual([{ ...seen, connected: true }])
    again.gone()
    clock.advance(801)
    expect(links.observers).toEqual([])
    expect(told).toEqual(['observer.joined o', 'observer.left o'])
  })

  test('asks who leads, not too often, and is cut when it says anything else', () => {
    const { accept, received, clock } = stage()
    const { hello, text, far } = accept()
    hello('o')
    const frame = encodePeerMessages([said('observe', 'o'), said('observe', 'o')])
    for (let times = 0; times < 5; times++) text(frame)
    expect(received).toEqual(['o observe'])
    clock.advance(10)
    text(frame)
    expect(received).toEqual(['o observe', 'o observe'])
    text(encodePeerMessages([said('preVote', 'o')]))
    expect(far.closed).toMatch(/^1002 CAUCUS_PROTOCOL: an observer asks who leads/)
    expect(received).toHaveLength(2)
  })

  test.each([
    ['under the name of a voter', greetingOf('b'), '1008 CAUCUS_CONFLICT: a voter has that identifier'],
    ['under the name of this very peer', greetingOf('a', { bootId: 'x' }), '1008 CAUCUS_CONFLICT: this peer has that'],
    ['of another cluster', greetingOf('o', { cluster: 'd' }), '1008 CAUCUS_CONFLICT: this is the cluster "c"'],
    [
      'with more to say about itself than fits',
      greetingOf('o', { metadata: 'x'.repeat(1_023) }),
      '1002 CAUCUS_PROTOCOL',
    ],
    ['at no port', greetingOf('o', { observer: { host: 'h', port: 0 } }), '1002 CAUCUS_PROTOCOL'],
  ])('is refused %s', (_how, greeting, closed) => {
    const { accept, links } = stage()
    const { text, far } = accept()
    text(encodeGreeting(greeting))
    expect(far.closed).toContain(closed)
    expect(far.sent).toEqual([])
    expect(links.observers).toEqual([])
  })

  test('is refused where it may not be, and later when that changes', () => {
    const { accept, links } = stage()
    let fault: CaucusError | undefined = new CaucusError('CAUCUS_FORBIDDEN', 'no')
    const refused = accept(gateOf({ mayBe: () => fault }))
    refused.hello('o')
    expect(refused.far.closed).toBe('1008 CAUCUS_FORBIDDEN: no')
    fault = undefined
    const { hello, end, far } = accept(gateOf({ mayBe: () => fault }))
    hello('o')
    expect(end.review()).toBe(false)
    fault = new CaucusError('CAUCUS_FORBIDDEN', 'no more')
    expect(end.review()).toBe(true)
    expect(far.closed).toBe('1008 CAUCUS_FORBIDDEN: no more')
    expect(links.observers).toHaveLength(1)
  })

  test('takes the place of its own earlier connection, and of nobody else', () => {
    const { accept, links } = stage()
    const first = accept()
    first.hello('o')
    const another = accept(gateOf({ key: 'token b' }))
    another.hello('o')
    expect(another.far.closed).toContain('1008 CAUCUS_CONFLICT: somebody else observes')
    const newer = accept()
    newer.hello('o')
    expect(first.far.closed).toContain('1008 CAUCUS_CONFLICT: a newer process')
    first.gone()
    expect(links.observers).toMatchObject([{ identifier: 'o', connected: true }])
    newer.gone()
    const heir = accept(gateOf({ key: 'token b' }))
    heir.hello('o')
    expect(heir.far.closed).toBeUndefined()
  })

  test('is one of a thousand at most; those that have gone make room', () => {
    const { accept, links, told } = stage()
    const all = Array.from({ length: 1_000 }, (_, n) => {
      const one = accept()
      one.hello(`o${n}`)
      return one
    })
    const late = accept()
    late.hello('late')
    expect(late.far.closed).toContain('CAUCUS_OVERLOADED')
    all[7]?.gone()
    const next = accept()
    next.hello('next')
    expect(links.observers).toHaveLength(1_000)
    expect(told.slice(-2)).toEqual(['observer.left o7', 'observer.joined next'])
  })

  test('leaves no timer once this peer is closed', async () => {
    const { accept, links, clock } = stage()
    const [one, two] = [accept(), accept()]
    one.hello('o1')
    two.hello('o2')
    one.gone()
    await links.close()
    two.gone()
    expect(clock.pending).toBe(0)
  })
})
