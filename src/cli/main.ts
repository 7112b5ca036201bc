import { Command, CommanderError } from 'commander'
import type { CommandModule } from './command.ts'
import { COMMANDS } from './commands.ts'
import { describeFailure, EXIT, UsageError } from './errors.ts'
import { clean } from './logging.ts'
import { acceptedBy } from './options.ts'
import { readVersion } from './version.ts'

/** Runs `caucus` with these arguments and sets the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export const main = async (argv: readonly string[]): Promise<void> => {
  // The reader of a pipe may have had enough (`caucus watch | head`): that is no failure, unless the command has said that it is.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(process.exitCode ?? EXIT.done)
  })
  process.exitCode = await run(argv)
}

/** The exit code of these arguments. */
export const run = async (argv: readonly string[]): Promise<number> => {
  const words = wordsOf(argv)
  const [name = ''] = words
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${readVersion()}\n`)
    return EXIT.done
  }
  let exitCode: number = EXIT.done
  try {
    const program = await programFor(words, async (action) => {
      exitCode = await action()
    })
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has written its message already, to stderr unless help was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    process.stderr.write(`caucus${Object.hasOwn(COMMANDS, name) ? ` ${name}` : ''}: ${describeFailure(error)}\n`)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}

/** `help work` is `work --help`. Of a command that there is not the help of all would hide that there is none. */
const wordsOf = (argv: readonly string[]): readonly string[] => {
  const [first = '', ...rest] = argv
  if (first !== 'help') return first.startsWith('-') || Object.hasOwn(COMMANDS, first) ? argv : argv.slice(0, 1)
  const [about = 'help'] = rest
  if (about.startsWith('-') || about === 'help') return ['--help']
  return Object.hasOwn(COMMANDS, about) ? [about, '--help'] : [about]
}

const programFor = async (
  [called, ...rest]: readonly string[],
  run: Parameters<CommandModule['define']>[1],
): Promise<Command> => {
  const program = new Command('caucus')
    .description('Membership, leadership and work partitioning for the replicas of a service.')
    .usage('<command> [options]')
    .helpOption('-h, --help', 'show help')
    .option('-V, --version', 'show the version')
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', HELP)
    .configureOutput({ outputError: (message, write) => write(usageLine('caucus', message)) })
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .summary(summary)
      .description(sentence(summary))
      .helpOption('-h, --help', 'show help')
    if (name !== called) continue
    const { define } = await load()
    define(command, run)
    command.configureOutput({
      outputError: (message, write) =>
        write(usageLine(`caucus ${name}`, alsoUnknown(message, command, rest), acceptedBy(message, command.options))),
    })
  }
  return program
}

/** Commander looks for what is missing first, and what is missing is often there, spelt in another way. */
const alsoUnknown = (message: string, command: Command, words: readonly string[]): string => {
  // Any other message may repeat what was typed, and what was refused once would be refused in here again.
  if (!message.startsWith('error: required option')) return message
  const [unknown] = command.parseOptions([...words]).unknown
  return unknown === undefined ? message : `unknown option '${unknown}', and ${message.replace(/^error: /, '')}`
}

const HELP = `
Durations are 300ms, 4s, 2m, or bare seconds (4, 0.5). Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
Environment: CAUCUS_SERVER (servers of one cluster), CAUCUS_ETCD, CAUCUS_NATS, CAUCUS_TOKEN_FILE, NO_COLOR. \`caucus <command> --help\` says more.`

/** Commander's message as one line of ours. */
const usageLine = (command: string, message: string, accepted = ''): string => {
  const said = message
    .replace(/^error: /, '')
    .replace('\n(Did you mean', ' (did you mean')
    .trim()
  const text = [said, accepted].filter((part) => part !== '').join('. ')
  // What was typed wrong may have been pasted, and is repeated in it.
  return `${command}: ${clean(text.replace(/\.$/, ''))}; see \`${command} --help\`\n`
}

const sentence = (summary: string): string => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
