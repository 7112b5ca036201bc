import { describe, expect, test } from 'vitest'
import { PeerTethers } from '../../../src/backends/peer/peer-tethers.ts'
import type { TetherAddresses, TetherInput } from '../../../src/core/election/tethers.ts'
import type { CaucusError } from '../../../src/errors.ts'
import type { OpenTether, TetherSink, TetherStream } from '../../../src/ports/tether.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { decodeTetherHello, encodeTetherHello } from '../../../src/wire/peers/tether.ts'

class Stream implements TetherStream {
  sink: TetherSink | undefined
  how: string | undefined
  watch(sink: TetherSink): void {
    this.sink = sink
  }
  end(): void {
    this.how = 'in order'
  }
  reset(): void {
    this.how ??= 'reset'
  }
}

const FROM_A: TetherAddresses = { local: '10.0.0.1 40000', remote: '10.0.0.2 7000' }
const AT_B: TetherAddresses = { local: '10.0.0.2 7000', remote: '10.0.0.1 40000' }

/** Two peers, and what lies between them. */
const stage = ({ atB = AT_B }: { atB?: TetherAddresses } = {}) => {
  const clock = new SimulatedClock()
  const told: Record<'a' | 'b', TetherInput[]> = { a: [], b: [] }
  const streams: Record<'a' | 'b', Stream[]> = { a: [], b: [] }
  const refused: CaucusError[] = []
  const between: { change: (hello: string) => string } = { change: (hello) => hello }
  const openTether: OpenTether = ({ hello }, sink) => {
    let answer = ''
    const fault = b.accept({
      hello: between.change(hello(FROM_A)),
      own: atB,
      mayBe: () => undefined,
      take: (theirs) => {
        answer = theirs
        const stream = new Stream()
        streams.b.push(stream)
        return stream
      },
    })
    if (fault !== undefined) {
      refused.push(fault)
      return sink.failed(fault.message)
    }
    const stream = new Stream()
    streams.a.push(stream)
    sink.opened(stream, between.change(answer), FROM_A)
  }
  const peerOf = (id: 'a' | 'b') =>
    new PeerTethers({
      self: { id, bootId: `${id}-boot` },
      token: undefined,
      clock,
      openTether,
      random: () => 1,
      reconnectMaxMs: 100,
      handshakeMs: 300,
      telemetry: undefined,
      tell: (input) => void told[id].push(input),
    })
  const a = peerOf('a')
  const b = peerOf('b')
  const greetingOf = (id: string) => ({ cluster: 'c', id, bootId: `${id}-boot` })
  const link = (): void => {
    b.offered(a.greetingFor('b', greetingOf('a')))
    a.linked({ identifier: 'b', host: '10.0.0.2', port: 7000, metadata: {} }, greetingOf('b'))
  }
  return { a, b, link, told, streams, refused, between, clock, greetingOf }
}

const types = (inputs: readonly TetherInput[]): string[] => inputs.map(({ type }) => type)

describe('two peers', () => {
  test('hold one tether, which the one whose id comes first has dialed, and know each other by it', () => {
    const { link, told, greetingOf, b } = stage()
    link()
    const [opened] = told.a
    expect(told.a).toEqual([{ type: 'tetherOpened', id: expect.any(String), with: { id: 'b', bootId: 'b-boot' } }])
    expect(told.b).toEqual([{ ...opened, with: { id: 'a', bootId: 'a-boot' } }])
    expect(b.greetingFor('a', greetingOf('b'))).toEqual(greetingOf('b'))
  })

  test('hold none when something stands between them, and say so', () => {
    const { link, told, refused } = stage({ atB: { local: '172.17.0.2 7000', remote: '172.17.0.1 51000' } })
    link()
    expect([...told.a, ...told.b]).toEqual([])
    expect(refused[0]?.code).toBe('CAUCUS_CONFLICT')
  })

  test('hold none with somebody who does not know what was said on the link', () => {
    const { link, told, refused, between } = stage()
    between.change = (hello) => {
      const said = decodeTetherHello(hello)
      return typeof said === 'string' ? said : encodeTetherHello({ ...said, id: 'another' })
    }
    link()
    expect([...told.a, ...told.b]).toEqual([])
    expect(refused[0]?.code).toBe('CAUCUS_FORBIDDEN')
  })

  test('hold none before there is a link', () => {
    const { a, told, refused, greetingOf } = stage()
    a.linked({ identifier: 'b', host: '10.0.0.2', port: 7000, metadata: {} }, greetingOf('b'))
    expect([...told.a, ...told.b]).toEqual([])
    expect(refused).toHaveLength(1)
  })

  test('tell what was read, and then reset what is left of it', () => {
    const { link, told, streams } = stage()
    link()
    streams.a[0]?.sink?.ended()
    expect(types(told.a)).toEqual(['tetherOpened', 'tetherEnded'])
    expect(streams.a[0]?.how).toBe('reset')
  })

  test('make another one when it was reset, under another name', () => {
    const { link, told, streams, clock } = stage()
    link()
    streams.a[0]?.sink?.lost()
    clock.advance(20)
    expect(types(told.a)).toEqual(['tetherOpened', 'tetherLost', 'tetherOpened'])
    // The other end of the first one is not to be trusted any more.
    expect(types(told.b)).toEqual(['tetherOpened', 'tetherLost', 'tetherOpened'])
    expect(streams.b[0]?.how).toBe('reset')
    expect(new Set(told.a.map((input) => ('id' in input ? input.id : ''))).size).toBe(2)
  })

  test('end a tether in order only when the election says so, and make no further one', () => {
    const { a, link, told, streams, clock } = stage()
    link()
    const [opened] = told.a
    if (opened?.type !== 'tetherOpened') return expect.fail('there is no tether')
    a.close(opened.id)
    a.dispose()
    expect(streams.a[0]?.how).toBe('in order')
    clock.advance(1_000)
    expect(streams.a).toHaveLength(1)
  })

  test('reset what they held when they end otherwise', () => {
    const { b, link, streams } = stage()
    link()
    b.dispose()
    expect(streams.b[0]?.how).toBe('reset')
  })
})
