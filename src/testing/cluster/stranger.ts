import type { Random } from '../../core/random.ts'
import type { FrameSocket } from '../../ports/socket.ts'
import { LINK_SUBPROTOCOLS } from '../../wire/versions.ts'
import { type Bench, newLoop, newMachine } from './bench.ts'
import type { EventLoop } from './event-loop.ts'
import { URL_OF_ALL } from './network.ts'

const NONSENSE = [
  'no JSON at all',
  '{}',
  '[{"type":"renew"}]',
  '[{"type":"share","group":"group"}]',
  '[{"type":"leave","group":"group","member":"m1","bootId":"x","incarnation":-1,"sequence":1e308}]',
  `[{"type":"renew","group":"group","member":"${'m'.repeat(5_000)}"}]`,
]

/** So many answers that nobody reads are more than any buffer of a drawn run holds. */
const UNREAD = 60

/** Connects as a member would, and says what no member says. Nobody else may notice. */
export const sendNonsense = (bench: Bench): void => {
  connectStranger(bench, (socket, random) => socket.send(NONSENSE[random.below(NONSENSE.length)] as string))
}

/** Joins again and again, and reads no answer. What waits for it must not pile up without end. */
export const askAndReadNothing = (bench: Bench): void => {
  connectStranger(bench, (socket, _random, loop) => {
    for (let number = 1; number <= UNREAD; number++) {
      const bootId = `deaf-${Math.round(bench.timeline.nowMs)}-${number}`
      const nothing = { holding: [], draining: [], acknowledged: [] }
      const join = { type: 'renew', group: 'deaf', member: `deaf-${number}`, bootId, sequence: 1, order: 0, ...nothing }
      socket.send(JSON.stringify([join]))
    }
    loop.stop()
    bench.timeline.after(2 * bench.conditions.timing.leaseMs, () => loop.goOn())
  })
}

const connectStranger = (bench: Bench, then: (socket: FrameSocket, random: Random, loop: EventLoop) => void): void => {
  const random = bench.random.fork(`stranger ${bench.timeline.nowMs}`)
  const loop = newLoop(bench, 'stranger', newMachine(random, bench.conditions.drift), random)
  const open = bench.network.opener('stranger', 'stranger', loop)
  loop.run(() => {
    const socket = open(
      { url: URL_OF_ALL, subprotocols: LINK_SUBPROTOCOLS, token: undefined, tls: undefined, handshakeTimeoutMs: 5_000 },
      {
        opened: () => then(socket, random, loop),
        heard: () => undefined,
        text: () => undefined,
        bytes: () => undefined,
        closed: () => undefined,
      },
    )
  })
}
