import { type Command, Option } from 'commander'
import { Demo } from '../../demo/demo.ts'
import { Screen } from '../../demo/screen.ts'
import { jsonShow } from '../../demo/show.ts'
import { type Stage, type StageOptions, setStage } from '../../demo/stage.ts'
import { coloured, plain } from '../../demo/story.ts'
import { isCaucusError } from '../../errors.ts'
import type { CommandModule } from '../command.ts'
import { type DemoKey, KEYS, Keyboard } from '../demo/keyboard.ts'
import { listOfEtcd } from '../engine-options.ts'
import { groupsPlace } from '../engines.ts'
import { EXIT, UsageError } from '../errors.ts'
import { wantsColors } from '../logging.ts'
import { wholeNumber } from '../options.ts'
import { etcdBackend } from '../reach.ts'

export interface DemoOptions {
  readonly input?: string
  readonly workers: number
  readonly kill: number
  readonly output?: string
  readonly backend?: 'embedded' | 'peer' | 'etcd'
  readonly etcd?: readonly string[]
  readonly etcdUser?: string
  readonly etcdPasswordFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly once?: boolean
  readonly json?: boolean
}

/** What a command shares with the world. */
export interface DemoIo {
  readonly stdout: Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number; rows?: number }
  readonly stdin: Parameters<typeof Keyboard.of>[0]
  readonly env: NodeJS.ProcessEnv
  /** Calls back when the user wants it to end; gives the function that calls back no more. */
  onInterrupt(listener: () => void): () => void
}

const HELP = `
In a terminal the work goes on after the check, round after round, and keys do things to the processes: k kills a worker, f freezes one (and wakes
it), c cuts one off (and heals it), a adds one, r deploys all anew one after the other, l kills the server that leads, q checks the rest and ends, as
does Ctrl-C. The page of each server has buttons for the same. With --once, --json or without a terminal there is none of it.

Each run has a folder of its own among the temporary files, named caucus-demo-*. What stays in it is the list of checksums, unless
--output names another place; the logs too when the check does not hold, or when the demo itself was killed with -9. Nobody needs such
a folder once its run is over, so remove it whenever you like.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .description(
      'Splits the hashing of real files among worker processes, kills some of them and the leading server in the middle, and checks the result.',
    )
    .option('--input <dir>', 'folder whose files are hashed (default: the installed dependencies)')
    .option('--workers <n>', 'worker processes', wholeNumber(1, 50), 5)
    .option('--kill <n>', 'how many are killed with -9; a new one joins for each', wholeNumber(0, 50), 2)
    .option('--output <file>', 'checksums as sha256sum writes them (default: a temporary file)')
    .addOption(
      new Option(
        '--backend <name>',
        'what coordinates the workers: peer (default), three servers that elect one of them, embedded, one server by itself, or etcd',
      ).argParser(knownBackend),
    )
    .addOption(
      new Option(
        '--etcd <url...>',
        'the etcd for --backend etcd; the demo removes what it has written there',
      ).argParser(listOfEtcd),
    )
    .option('--etcd-user <name>', 'user of etcd')
    .option('--etcd-password-file <file>', 'file with the password of that user')
    .option('--tls-ca <file>', 'who may have signed the certificate of etcd (PEM)')
    .option('--tls-cert <file>', 'certificate of this client, for an etcd that asks for one (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--once', 'end after the check, also in a terminal')
    .option('--json', 'NDJSON events; the last line is the summary')
    .addHelpText('after', HELP)
    .action((options: DemoOptions) =>
      run(() => {
        // Whoever stops reading before the verdict has not seen the check hold.
        process.exitCode = EXIT.failed
        return runDemo(options, processIo)
      }),
    )
}

const knownBackend = (name: string): NonNullable<DemoOptions['backend']> => {
  if (name === 'embedded' || name === 'peer' || name === 'etcd') return name
  throw new UsageError(
    `--backend ${name}: there is none of that name; use peer, three servers that elect one of them, embedded, one server by itself, or etcd with --etcd URL`,
  )
}

/** Servers of the demo's own, or somebody's etcd. What is wrong with either is told before anything is started. */
const backendOf = async ({ backend, etcd, ...others }: DemoOptions): Promise<StageOptions['backend']> => {
  const { etcdUser: user, etcdPasswordFile: passwordFile, tlsCa: ca, tlsCert: cert, tlsKey: key } = others
  if (etcd === undefined) {
    if (backend === 'etcd') throw new UsageError('--backend etcd needs one: name it with --etcd http://127.0.0.1:2379')
    const stray = Object.entries({
      '--etcd-user': user,
      '--etcd-password-file': passwordFile,
      '--tls-ca': ca,
      '--tls-cert': cert,
      '--tls-key': key,
    })
    const [given] = stray.filter(([, value]) => value !== undefined)
    if (given !== undefined) throw new UsageError(`${given[0]} goes with --etcd; give both`)
    return backend ?? 'peer'
  }
  if (backend !== undefined && backend !== 'etcd') {
    throw new UsageError(`--backend ${backend} starts servers of its own, and needs no --etcd; leave one of them out`)
  }
  const place = groupsPlace(others, { CAUCUS_ETCD: etcd.join() })
  if (place.type === 'etcd') await etcdBackend(place, others)
  const { coordinateOnEtcd } = await import('../demo/on-etcd.ts')
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
  return coordinateOnEtcd({
    endpoints: etcd,
    ...(user !== undefined && { user }),
    ...(passwordFile !== undefined && { passwordFile }),
    ...(Object.keys(tls).length > 0 && { tls }),
  })
}

const processIo: DemoIo = {
  stdout: process.stdout,
  get stdin() {
    return process.stdin
  },
  env: process.env,
  onInterrupt: (listener) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, listener)
    return () => {
      for (const signal of signals) process.off(signal, listener)
    }
  },
}

class Interrupted extends Error {}

/** Resolves with the exit code: 0 only when the check holds. Whatever happens, no process of the demo is left. */
export const runDemo = async (options: DemoOptions, io: DemoIo): Promise<number> => {
  const { stdout, env } = io
  const isTerminal = stdout.isTTY === true && options.json !== true && env.TERM !== 'dumb'
  const write = (text: string) => void stdout.write(text)
  // A terminal that does not know its size says 0.
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 })
  const paint = wantsColors(stdout, env) ? coloured : plain
  const screen = new Screen(write, paint, isTerminal ? size : undefined)
  const show = options.json === true ? jsonShow(write) : screen

  const interrupted = new AbortController()
  // By a key, which leaves time for the last check.
  let wasInterrupted = false
  const ignore = io.onInterrupt(() => interrupted.abort(new Interrupted()))
  try {
    const stays = isTerminal && options.once !== true
    const stage = await prepared(options, stays, interrupted.signal)
    const demo = new Demo(stage, show)
    let verdict: boolean | undefined
    let isGoingOn = false
    let isQuit = false
    const pressed = (key: DemoKey): void => {
      if (typeof key === 'object') void demo.perform(key.deed)
      else if (key === 'freeze' || key === 'cut') void demo.toggle(key)
      else if (isGoingOn && !isQuit && !wasInterrupted) {
        isQuit = key === 'quit'
        wasInterrupted = key === 'interrupt'
        demo.end()
      } else interrupted.abort(new Interrupted())
    }
    const keyboard = stays ? Keyboard.of(io.stdin, pressed) : undefined
    const clear = () => stage.clear()
    process.once('exit', clear)
    try {
      const abort = () => demo.abort(interrupted.signal.reason)
      interrupted.signal.addEventListener('abort', abort)
      if (interrupted.signal.aborted) abort()
      if (stays) screen.showKeys(keyboard === undefined ? 'Ctrl-C ends all of it' : KEYS)
      keyboard?.take()
      const summary = await demo.run()
      verdict = summary.ok
      if (verdict && stays) {
        screen.say(await demo.whatNext())
        isGoingOn = true
        verdict = await demo.goOn()
      }
    } finally {
      show.end()
      keyboard?.give()
      await demo.stop()
      process.off('exit', clear)
      // What a check that fails was about is worth looking at.
      if (verdict !== false) clear()
      else process.stderr.write(`The logs of this run are in ${stage.folder}\n`)
    }
    if (verdict && wasInterrupted) return EXIT.interrupted
    return verdict ? EXIT.done : EXIT.failed
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted
    throw error
  } finally {
    ignore()
  }
}

const prepared = async (options: DemoOptions, stays: boolean, signal: AbortSignal): Promise<Stage> => {
  try {
    return await setStage({ ...options, stays, backend: await backendOf(options) }, signal)
  } catch (error) {
    throw isCaucusError(error) && error.code === 'CAUCUS_INVALID_ARGUMENT' ? new UsageError(error.message) : error
  }
}
