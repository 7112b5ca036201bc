import type { OpenTether } from '../../ports/tether.ts'
import { TetherEnd } from '../../runtime/tether-end.ts'
import { dialTether } from '../../transports/tether.ts'

/** Opens tethers over TCP. */
export const openTether: OpenTether = (options, { opened, failed }) =>
  dialTether(options, {
    opened: (socket, head, hello, own) => opened(new TetherEnd(socket, head), hello, own),
    failed,
  })
