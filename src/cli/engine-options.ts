import { type Command, Option } from 'commander'
import { checkedNats } from '../backends/nats/options.ts'
import { UsageError } from './errors.ts'
import { addServerOptions, listOf, refusing, type ServerSettings, wholeNumber } from './options.ts'

/** Where groups are coordinated and topics are carried, as a command line names it. */
export interface EngineSettings extends ServerSettings {
  readonly etcd?: readonly string[]
  readonly etcdPrefix?: string
  readonly etcdUser?: string
  readonly etcdPasswordFile?: string
  readonly etcdTiming?: 'lan' | 'wan'
  readonly etcdTokensAbove?: number
  readonly nats?: readonly string[]
  readonly natsPrefix?: string
  readonly natsCredentials?: string
}

/** Says where a password belongs, without repeating the value as commander would. */
const withoutSecret = (text: string, option: string, instead: string): void => {
  if (text.includes('@')) throw new UsageError(`${option}: ${instead}, not in the URL`)
}

export const etcdUrl = (text: string): string => {
  withoutSecret(text, '--etcd', 'give a user by --etcd-user and --etcd-password-file')
  const full = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  const isPlain = url !== undefined && url.pathname === '/' && url.search === '' && url.hash === ''
  if (isPlain && /^https?:$/.test(url.protocol)) return text.replace(/\/$/, '')
  throw new Error(`"${text.slice(0, 80)}" is no URL of etcd; give one such as http://127.0.0.1:2379`)
}

export const natsUrl = (text: string): string => {
  withoutSecret(text, '--nats', 'give who you are by --nats-credentials')
  try {
    checkedNats(text)
    return text
  } catch {
    throw new Error(`"${text.slice(0, 80)}" is no address of NATS; give one such as nats://127.0.0.1:4222`)
  }
}

const listed =
  (read: (text: string) => string) =>
  (text: string, before: readonly string[] = []): string[] => [
    ...before,
    ...refusing(() => listOf(text).map(read))(text),
  ]

export const listOfEtcd = listed(etcdUrl)

/** Of the commands that also run on etcd and NATS: those of servers, and these. */
export const addEngineOptions = (command: Command): Command => addNatsOptions(addEtcdOptions(addServerOptions(command)))

export const addEtcdOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--etcd <url...>',
        'etcd that coordinates groups and elections, in place of servers (or CAUCUS_ETCD)',
      ).argParser(listOfEtcd),
    )
    .option('--etcd-prefix <prefix>', 'of its keys (or CAUCUS_ETCD_PREFIX; default caucus/)')
    .option('--etcd-user <name>', 'user of etcd (or CAUCUS_ETCD_USER)')
    .option('--etcd-password-file <file>', 'file with the password of that user (or CAUCUS_ETCD_PASSWORD_FILE)')
    .addOption(
      new Option('--etcd-timing <preset>', 'the same for all that share the prefix (default lan)').choices([
        'lan',
        'wan',
      ]),
    )
    .option(
      '--etcd-tokens-above <token>',
      'the highest token or epoch that was seen before: all that are given are higher',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )

export const addNatsOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--nats <url...>', 'NATS that carries topics, in place of servers (or CAUCUS_NATS)').argParser(
        listed(natsUrl),
      ),
    )
    .option('--nats-prefix <prefix>', 'of its subjects (or CAUCUS_NATS_PREFIX; default caucus)')
    .option('--nats-credentials <file>', 'credentials file for NATS (or CAUCUS_NATS_CREDENTIALS)')
