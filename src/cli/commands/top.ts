import { type Command, Option } from 'commander'
import type { Millis } from '../../core/time.ts'
import { safeJson } from '../cells.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { wantsColors } from '../logging.ts'
import { apiOf } from '../one-group.ts'
import { addServerOptions, duration, type ServerSettings } from '../options.ts'
import { onStop } from '../stopping.ts'
import { renderOnce } from '../top/frame.ts'
import { textOf } from '../top/lines.ts'
import { Live } from '../top/live.ts'
import { FIRST_LOOK } from '../top/looking.ts'
import { Asker } from '../top/picture.ts'
import { Show } from '../top/show.ts'
import { Terminal } from '../top/terminal.ts'

interface Options extends ServerSettings {
  readonly every: Millis
  readonly json?: boolean
}

const HELP = `
Keys: up, down, page up, page down, home and end (or k, j, space, g, G) choose a group; enter shows its members and last events, escape goes
back; s sorts by something else, r the other way round; ctrl-l draws anew; q ends. Without a terminal, and with --json, it prints once.`

export const define: CommandModule['define'] = (command: Command, run) => {
  command.addOption(
    new Option('--every <duration>', 'how often a server is asked, at most')
      .argParser(duration({ minMs: 250, maxMs: 60_000 }))
      .default(1_000, '1s'),
  )
  addServerOptions(command)
    .option('--json', 'answer as JSON, once')
    .addHelpText('after', HELP)
    .action((options: Options) => run(() => top(options)))
}

const top = async (options: Options): Promise<number> => {
  const { stdout, env } = process
  const asker = new Asker(apiOf(options))
  const isTerminal = stdout.isTTY === true && env.TERM !== 'dumb' && options.json !== true
  return isTerminal ? await keepShowing(asker, options) : await printOnce(asker, options)
}

const printOnce = async (asker: Asker, { json }: Options): Promise<number> => {
  const { signal } = new AbortController()
  const askedMs = performance.now()
  const found = await asker.peers(signal)
  const picture = await asker.picture(signal)
  const { view: peers, leader = picture.leader } = found ?? {}
  if (json === true) {
    const answer = { ...picture, ...(peers !== undefined && { peers: peers.peers }) }
    process.stdout.write(`${safeJson(JSON.stringify(answer))}\n`)
    return EXIT.done
  }
  const lines = renderOnce({
    nowMs: performance.now(),
    clock: new Date().toISOString().slice(11, 19),
    server: asker.server,
    picture,
    ...(peers !== undefined && { peers }),
    ...(leader !== undefined && { led: { leader, atMs: askedMs, fullMs: leader.leaseMsLeft ?? 0 } }),
    moved: new Map(),
    looking: FIRST_LOOK,
    keys: false,
  })
  process.stdout.write(`${lines.map(textOf).join('\n')}\n`)
  return EXIT.done
}

const keepShowing = async (asker: Asker, { every }: Options): Promise<number> => {
  const stopping = new AbortController()
  let exitCode: number = EXIT.done
  const stop = (code: number): void => {
    exitCode = code
    stopping.abort()
  }
  const quiet = onStop(
    (first) => stop(first.exitCode),
    // The terminal is given back on the way out.
    (again) => process.exit(again.exitCode),
  )
  const hangUp = () => stop(EXIT.failed)
  process.once('SIGHUP', hangUp)
  const live = new Live(asker, { everyMs: every, signal: stopping.signal })
  const terminal = new Terminal(process.stdout, process.stdin, {
    key: (key) => show.key(key),
    stale: () => show.stale(),
  })
  const show = new Show({
    terminal,
    asker,
    live,
    colors: wantsColors(process.stdout),
    end: (key) => stop(key === 'interrupt' ? EXIT.interrupted : EXIT.done),
  })
  try {
    terminal.take()
    show.start()
    await live.run()
  } finally {
    stopping.abort()
    show.stop()
    // Before anything is said about why.
    terminal.give()
    process.off('SIGHUP', hangUp)
    quiet()
  }
  return exitCode
}
