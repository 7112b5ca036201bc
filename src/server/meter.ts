import type { Millis } from '../core/time.ts'
import type { LogDetails } from '../ports/log-events.ts'
import type { Happened, Labels, LogLevel, Telemetry } from '../ports/telemetry.ts'
import { type ServerLogger, silentLogger } from './logger.ts'

/** One number with what it is about. */
export interface Reading {
  readonly name: string
  readonly labels: Labels
  value: number
}

/** How many different readings are kept: each is a time series for whoever collects them. */
const MAX_READINGS = 1_000

/** Counts what running parts tell, for `/metrics`, and passes their words on to a logger. */
export class Meter implements Telemetry {
  readonly #logger: ServerLogger
  readonly #totals = new Map<string, Reading>()
  readonly #levels = new Map<string, Reading>()
  readonly #events = new Map<string, number>()

  constructor(logger: ServerLogger = silentLogger) {
    this.#logger = logger
  }

  /** Counts one more event of its type. */
  event({ type }: Happened): void {
    this.#events.set(type, (this.#events.get(type) ?? 0) + 1)
  }

  /** Adds `by`, by default 1, to a counter. Beyond the bound on their number, new ones are not made. */
  count(name: string, by = 1, labels: Labels = {}): void {
    const reading = readingIn(this.#totals, name, labels)
    if (reading !== undefined) reading.value += by
  }

  /** Sets the present value of something that goes up and down. */
  gauge(name: string, value: number, labels: Labels = {}): void {
    const reading = readingIn(this.#levels, name, labels)
    if (reading !== undefined) reading.value = value
  }

  /** Adds one sample, in milliseconds, to a sum and its number of samples. */
  duration(name: string, ms: Millis, labels: Labels = {}): void {
    this.count(name, ms, labels)
    this.count(`${name.replace(/_ms$/, '')}_samples`, 1, labels)
  }

  /** Hands a line to the logger; `error` among its details becomes `err`. */
  log(level: LogLevel, message: string, details: LogDetails): void {
    const { error, ...rest } = details
    this.#logger[level](error === undefined ? rest : { ...rest, err: error }, message)
  }

  get totals(): Iterable<Reading> {
    return this.#totals.values()
  }

  get levels(): Iterable<Reading> {
    return this.#levels.values()
  }

  /** How often each kind of event has happened. */
  get events(): ReadonlyMap<string, number> {
    return this.#events
  }
}

const readingIn = (readings: Map<string, Reading>, name: string, labels: Labels): Reading | undefined => {
  const key = JSON.stringify([name, labels])
  const known = readings.get(key)
  if (known !== undefined || readings.size >= MAX_READINGS) return known
  const reading = { name, labels, value: 0 }
  readings.set(key, reading)
  return reading
}
