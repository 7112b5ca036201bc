// Backends behind a gateway: each says by itself where it is, and the gateway finds one for every request without asking anybody. A backend
// that goes down first stops being found, then finishes what it has, and only then stops.
//
// Each backend would be a process of its own; here all of them are servers of this one.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Caucus, Picker, Registration } from 'caucus'

const SERVICE = 'greeters'

export interface Backend {
  readonly registration: Registration
  stop(): Promise<void>
}

/** Listens, and then says so: whoever finds the address may come at once. */
export const startBackend = async (caucus: Caucus, id: string, handle: RequestListener): Promise<Backend> => {
  const server = createServer(handle)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const registration = await caucus.service(SERVICE).register({ id, host: '127.0.0.1', port, zone: 'here' })
  // Another process has its id: what comes to this one now comes by mistake.
  registration.signal.addEventListener('abort', () => void server.close())
  return { registration, stop: () => stop(server, registration) }
}

/** As on SIGTERM. */
const stop = async (server: Server, registration: Registration): Promise<void> => {
  await registration.setStatus('draining')
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  await registration.leave()
}

/** Sends requests of one user to one backend, as long as that is there: its cache is warm. */
export class Gateway {
  readonly #picker: Picker

  private constructor(picker: Picker) {
    this.#picker = picker
  }

  static async open(caucus: Caucus): Promise<Gateway> {
    return new Gateway(await caucus.service(SERVICE).pick({ preferZone: 'here' }))
  }

  async greet(user?: string): Promise<string> {
    const backend = user === undefined ? this.#picker.roundRobin() : this.#picker.byKey(user)
    if (backend === undefined) return 'nobody is there'
    const answer = await fetch(`http://${backend.host}:${backend.port}/`, { headers: { connection: 'close' } })
    return answer.text()
  }

  close(): void {
    this.#picker.close()
  }
}
