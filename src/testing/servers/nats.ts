import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { neededProgram } from './need.ts'
import { freePorts } from './ports.ts'
import { ServerProcess, scratchFolder, withAnotherTry } from './server-process.ts'

export const NATS = neededProgram('nats-server', 'nats-server', () => 'nats-server', ['--version'])

export interface NatsOptions {
  /** What stands in its configuration file besides address and port, e.g. `authorization { token: "secret" }`. */
  readonly config?: string
  /** Further options of the command. */
  readonly args?: readonly string[]
}

export interface NatsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`; the same after a restart. */
  readonly address: string
  /** `nats://127.0.0.1:PORT`. */
  readonly url: string
  readonly port: number
  readonly pid: number | undefined
  /** kill -9, or a gentler signal. */
  kill(signal?: NodeJS.Signals): Promise<void>
  freeze(): void
  thaw(): void
  /** On the same port; resolves once it accepts clients. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A real nats-server on a free port of loopback, gone with this process at the latest. Resolves once it accepts clients. */
export const startNats = (options: NatsOptions = {}): Promise<NatsServer> => withAnotherTry(() => startOn(options))

const startOn = async ({ config = '', args = [] }: NatsOptions): Promise<NatsServer> => {
  const [port = 0] = await freePorts(1)
  const { path, remove } = scratchFolder('nats')
  const file = join(path, 'nats.conf')
  writeFileSync(file, `listen: "127.0.0.1:${port}"\n${config}\n`)
  const server = new ServerProcess('nats-server', { file: 'nats-server', args: ['-c', file, ...args] }, () =>
    greets(port),
  )
  const close = async () => {
    await server.kill()
    remove()
  }
  try {
    await server.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    address: `127.0.0.1:${port}`,
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    kill: (signal) => server.kill(signal),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    restart: async () => {
      await server.kill()
      await server.start()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Every nats-server says INFO first, in the clear, also where TLS follows. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (greeted: boolean) => {
      socket.destroy()
      resolve(greeted)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('INFO ')))
  })
