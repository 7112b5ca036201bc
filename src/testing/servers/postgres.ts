import { execFile, execFileSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { neededProgram } from './need.ts'
import { freePorts } from './ports.ts'
import { type Command, ServerProcess, scratchFolder, withAnotherTry } from './server-process.ts'

const run = promisify(execFile)

/** Debian keeps them off the PATH, one folder per version. */
const DEBIAN_FOLDER = '/usr/lib/postgresql'

/** The newest version that Debian has, else whatever the PATH finds. */
const program = (name: string): string => {
  if (!existsSync(DEBIAN_FOLDER)) return name
  const newest = readdirSync(DEBIAN_FOLDER)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN_FOLDER, version, 'bin', name))
    .find(existsSync)
  return newest ?? name
}

export const POSTGRES = neededProgram('PostgreSQL', 'postgresql', () => program('postgres'), ['--version'])

export interface PostgresServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** `postgres://USER@127.0.0.1:PORT/DATABASE`; it takes no password. The same after a restart. */
  readonly url: string
  readonly pid: number | undefined
  /** As a crash: what is not committed is lost, and it recovers when it is started again. */
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  restart(): Promise<void>
  close(): Promise<void>
}

/** A real PostgreSQL with an empty database on a free port of loopback, gone with this process at the latest. Resolves once it takes queries. */
export const startPostgres = (options: { readonly args?: readonly string[] } = {}): Promise<PostgresServer> =>
  withAnotherTry(() => startOn(options.args ?? []))

const startOn = async (args: readonly string[]): Promise<PostgresServer> => {
  const [port = 0] = await freePorts(1)
  const folder = scratchFolder('postgres')
  const user = otherUser()
  if (user !== undefined) chownSync(folder.path, user.uid, user.gid)
  const data = join(folder.path, 'data')
  const command: Command = {
    file: program('postgres'),
    // No socket in the file system; nothing here has to survive the machine.
    args: ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F', ...args],
    ...(user && { user }),
  }
  const asked = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-t', '1', '-q']
  const server = new ServerProcess('postgres', command, async () => {
    await run(program('pg_isready'), asked)
    return true
  })
  // Its children see to the end of it by themselves after SIGQUIT; after SIGKILL they may hold its memory for a while.
  const kill = () => {
    const over = server.kill('SIGQUIT')
    // A frozen one would not hear it.
    server.thaw()
    return over
  }
  const close = async () => {
    await kill()
    folder.remove()
  }
  try {
    await run(
      program('initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      {
        cwd: folder.path,
        ...user,
      },
    )
    await server.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return server.pid
    },
    kill,
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    restart: async () => {
      await kill()
      await server.start()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** PostgreSQL refuses to be root: who else it is then. */
const otherUser = (): Command['user'] => {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (which: string) => Number(execFileSync('id', [which, name], { encoding: 'utf8', stdio: 'pipe' }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // There is no such user here.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody')
}
