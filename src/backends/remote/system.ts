import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers'
import { systemClocks } from '../../runtime/system-clock.ts'
import { openWebSocket } from '../../transports/websocket.ts'
import { get, getJson } from './http.ts'
import type { Surroundings } from './surroundings.ts'

/** Those of this process and its machine. */
export const systemSurroundings: Surroundings = {
  clocks: systemClocks,
  random: () => Math.random(),
  newId: () => randomUUID(),
  soon: (run) => void setImmediate(run),
  openSocket: openWebSocket,
  http: { get, getJson },
}
