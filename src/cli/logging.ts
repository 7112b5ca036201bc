import { isCaucusError } from '../errors.ts'
import type { LogDetails } from '../ports/log-events.ts'
import type { LogLevel } from '../ports/telemetry.ts'

export type LogFormat = 'pretty' | 'json'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
export const LOG_FORMATS: readonly LogFormat[] = ['pretty', 'json']

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  readonly colors: boolean
  /** Default: standard error, since answers go to standard output. */
  write?(line: string): void
  wallMs?(): number
}

const COLORS: Readonly<Record<LogLevel, string>> = {
  debug: '\x1b[2m',
  info: '\x1b[32m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
}

/** Whether a terminal wants colours: not with NO_COLOR, and not in a pipe. */
export const wantsColors = (stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean =>
  stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'

/** What a command says while it runs, each line with the `event` that it tells. Details first, as with pino. */
export type Logger = Readonly<Record<LogLevel, (details: LogDetails, message: string) => void>>

/** Writes one line per entry; in JSON with the names of pino's fields, which log collectors know. */
export const logTo = ({ level, format, colors, write = toStderr, wallMs = Date.now }: LogOptions): Logger => {
  const from = LOG_LEVELS.indexOf(level)
  const logAt = (at: LogLevel) => (details: LogDetails, message: string) => {
    if (LOG_LEVELS.indexOf(at) < from) return
    write(
      format === 'json' ? jsonLine(at, message, details, wallMs()) : prettyLine(at, message, details, wallMs(), colors),
    )
  }
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') }
}

const toStderr = (line: string): void => void process.stderr.write(`${line}\n`)

const jsonLine = (level: LogLevel, message: string, details: object, atMs: number): string =>
  JSON.stringify({ ...plain(details), level, time: new Date(atMs).toISOString(), msg: message })

const prettyLine = (level: LogLevel, message: string, details: object, atMs: number, colors: boolean): string => {
  const time = new Date(atMs).toISOString().slice(11, 23)
  const head = colors ? `${COLORS[level]}${level}\x1b[0m` : level
  // An event of a cluster has no other words.
  const isSaid = ([name, value]: [string, unknown]) => name === 'event' && value === message
  const told = Object.entries(plain(details)).filter((entry) => !isSaid(entry))
  const tail = told.map(([name, value]) => ` ${name}=${shown(value)}`)
  return `${time} ${head} ${clean(message)}${tail.join('')}`
}

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : clean(JSON.stringify(value) ?? 'undefined')

/** A name that somebody chose must not forge a line, paint the terminal, turn the text around or look like another one. */
export const clean = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Errors have no own enumerable properties. Of ours the message says it all; of others the stack is needed. */
const plain = (details: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, value instanceof Error ? describeError(value) : value]),
  )

const describeError = (error: Error): string =>
  isCaucusError(error) ? `${error.message} (${error.code})` : (error.stack ?? error.message)
