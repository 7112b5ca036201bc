import { type Command, InvalidArgumentError, Option } from 'commander'
import { type DurationRange, durationHint, parseDuration } from '../config/duration.ts'
import { tokenFault } from '../config/token.ts'
import { isTokenList } from '../config/token-file.ts'
import { groupNameFault, idFault } from '../core/ids.ts'
import type { Millis } from '../core/time.ts'
import type { LogLevel } from '../ports/telemetry.ts'
import { UsageError } from './errors.ts'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type Logger, logTo, wantsColors } from './logging.ts'
import { readText } from './read-file.ts'

const DEFAULT_SERVER = 'http://127.0.0.1:8989'

/** Lets commander say the name of the option in front of what is wrong with it. */
export const refusing =
  <T>(read: (text: string) => T) =>
  (text: string): T => {
    try {
      return read(text)
    } catch (error) {
      if (error instanceof UsageError) throw error
      throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error))
    }
  }

/** A reader of an option's value that can also say what it accepts, for when there is no value at all. */
type Reader<T> = ((text: string) => T) & { readonly accepts: string }

export const duration = (range: DurationRange = {}): Reader<Millis> => {
  const accepts = durationHint(range)
  const read = (text: string): Millis => {
    try {
      return parseDuration(text, 'It', range)
    } catch {
      // Commander says which value it was.
      throw new InvalidArgumentError(`${accepts}.`)
    }
  }
  return Object.assign(read, { accepts })
}

export const wholeNumber = (min: number, max: number): Reader<number> => {
  const accepts = `Give a whole number from ${min} to ${max}`
  const read = refusing((text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new Error(accepts)
  })
  return Object.assign(read, { accepts })
}

/** What the option that `message` says has no value would have accepted; empty when it is about something else. */
export const acceptedBy = (message: string, options: readonly Option[]): string => {
  const option = options.find(({ flags }) => message.includes(`'${flags}' argument missing`))
  const { accepts } = (option?.parseArg ?? {}) as Partial<Reader<unknown>>
  return accepts ?? ''
}

const faultless = (fault: (text: string) => string | undefined): ((text: string) => string) =>
  refusing((text) => {
    const found = fault(text)
    if (found !== undefined) throw new Error(`The ${found}`)
    return text
  })

export const groupName = faultless((text) => groupNameFault(text))
export const memberId = faultless((text) => idFault(text, 'member id'))
export const peerId = faultless((text) => idFault(text, 'identifier'))
export const topicName = faultless((text) => groupNameFault(text, 'topic name'))
export const producerId = faultless((text) => idFault(text, 'producer id'))
export const queueName = faultless((text) => groupNameFault(text, 'queue name'))

const oneServer = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^(https?|wss?):$/.test(url.protocol)) {
    throw new Error(`"${text.slice(0, 80)}" is no URL of a server; give one such as ${DEFAULT_SERVER}`)
  }
  if (url.username !== '' || url.password !== '') {
    // Not by commander, which would repeat the value.
    throw new UsageError('--server: give a token by --token-file, not in the URL')
  }
  if (url.search !== '' || url.hash !== '') throw new Error('A URL of a server has neither a query nor a fragment')
  return url.href.replace(/^ws/, 'http').replace(/\/+$/, '')
}

export const listOf = (text: string): string[] => text.split(/[\s,]+/).filter((part) => part !== '')

export interface LogSettings {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export interface ServerSettings {
  readonly server?: readonly string[]
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export const addLogOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--log-level <level>', 'least important log lines to write').choices(LOG_LEVELS).default('info'),
    )
    .addOption(new Option('--log-format <format>', 'of log lines, on stderr').choices(LOG_FORMATS).default('pretty'))

export const loggerOf = ({ logLevel, logFormat }: LogSettings): Logger =>
  logTo({ level: logLevel, format: logFormat, colors: wantsColors(process.stderr) })

export const addServerOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--server <url...>', `servers of one cluster (or CAUCUS_SERVER; default ${DEFAULT_SERVER})`).argParser(
        (text: string, before: string[] = []) => [...before, ...refusing(() => listOf(text).map(oneServer))(text)],
      ),
    )
    .option('--token-file <file>', 'file with the token for the server (or CAUCUS_TOKEN_FILE)')
    .option('--tls-ca <file>', 'who may have signed the certificate of the server (PEM)')
    .option('--tls-cert <file>', 'certificate of this client, for servers that ask for one (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')

/** The servers that were named, on the command line or in the environment. */
export const serversOf = ({ server }: ServerSettings, env: NodeJS.ProcessEnv = process.env): readonly string[] => {
  if (server !== undefined && server.length > 0) return server
  try {
    const named = listOf(env.CAUCUS_SERVER ?? '').map(oneServer)
    return named.length > 0 ? named : [DEFAULT_SERVER]
  } catch (error) {
    throw new UsageError(`CAUCUS_SERVER: ${error instanceof Error ? error.message : error}`)
  }
}

/** The token of the named file, if one is named. */
export const tokenOf = ({ tokenFile }: ServerSettings, env: NodeJS.ProcessEnv = process.env): string | undefined => {
  const file = tokenFile ?? (env.CAUCUS_TOKEN_FILE || undefined)
  return file === undefined
    ? undefined
    : readToken(file, tokenFile === undefined ? 'CAUCUS_TOKEN_FILE' : '--token-file')
}

/** The first token of a file. A server may read the same file, with one token a line; but not one that says who may do what. */
const readToken = (file: string, option: string): string => {
  const text = readText(file, option)
  if (isTokenList(text)) {
    throw new UsageError(
      `${option}: ${file} lists who may do what on a server; a client needs a file with its own token in the first line`,
    )
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const index = lines.findIndex((line) => line !== '')
  const token = lines[index]
  if (token === undefined) throw new UsageError(`${option}: ${file} holds no token; write one into its first line`)
  const fault = tokenFault(token)
  if (fault !== undefined) throw new UsageError(`${option}: line ${index + 1} of ${file} ${fault}`)
  return token
}
