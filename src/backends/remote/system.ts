import { randomUUID } from 'node:crypto'
import { systemClocks } from '../../runtime/system-clock.ts'
import { openWebSocket } from '../../transports/websocket.ts'
import { get, getJson } from './http.ts'
import type { Surroundings } from './surroundings.ts'

/** Those of this process and its machine. */
export const systemSurroundings: Surroundings = {
  clocks: systemClocks,
  random: () => Math.random(),
  newId: () => randomUUID(),
  openSocket: openWebSocket,
  http: { get, getJson },
}
