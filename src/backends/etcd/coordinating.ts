import type { Millis } from '../../core/time.ts'
import { CaucusError, type ErrorCode, isCaucusError } from '../../errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { giveUp, stand } from './candidacy.ts'
import { type CoordinatingOptions, defaultWriteMs } from './coordinating-options.ts'
import type { Entry, Revision } from './engine.ts'
import { PrefixWatch } from './prefix-watch.ts'
import { Reign } from './reign.ts'

export { type CoordinatingOptions, type CoordinatingSettings, defaultWriteMs } from './coordinating-options.ts'

/** Where nobody coordinates as somebody begins, hardly anybody else is about to. */
const FIRST_MS: Millis = 20
/** Of all who see that nobody coordinates any more, few try before one of them has been elected. */
const SPREAD_MS: Millis = 300
/** What went wrong here is perhaps right elsewhere. */
const REST_MS: Millis = 1_000
const RETRY_MAX_MS: Millis = 5_000
/** Etcd is away or slow, or somebody else coordinates: nobody has to do anything about it. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CAUCUS_UNAVAILABLE',
  'CAUCUS_TIMEOUT',
  'CAUCUS_CONNECTION_LOST',
  'CAUCUS_NOT_LEADER',
  'CAUCUS_CLOSED',
])
const TTL_SECONDS = 3

/**
 * A process's part in coordinating the groups under a prefix: it stands for election whenever nobody coordinates, and runs the coordinator
 * while it is elected (docs/adr/0026-groups-on-etcd.md, rules 1 and 5).
 */
export class Coordinating {
  readonly #options: CoordinatingOptions
  readonly #writeMs: Millis
  readonly #backOff: BackOff
  #watch: PrefixWatch | undefined
  /** The key `coordinator`, as it was seen last. */
  #seen: { readonly entry: Entry | undefined; readonly revision: Revision } | undefined
  /** Not before then, where something went wrong here. */
  #restsUntil = Number.NEGATIVE_INFINITY
  #spreadMs = FIRST_MS
  #attempt: Timer | undefined
  #standing: Promise<void> | undefined
  #reign: Reign | undefined
  #isClosing = false
  #closed: Promise<void> | undefined

  constructor(options: CoordinatingOptions) {
    this.#options = options
    this.#writeMs = options.writeMs ?? defaultWriteMs(shortestLeaseMs(options))
    this.#backOff = new BackOff(options.random, RETRY_MAX_MS)
  }

  /** Stands for election from now on. Calling it again changes nothing. */
  begin(): void {
    if (this.#watch !== undefined || this.#isClosing) return
    const { engine, keys, clock, telemetry } = this.#options
    const key = keys.coordinator
    this.#watch = new PrefixWatch({
      engine,
      prefix: key,
      clock,
      random: () => this.#options.random(),
      listed: (entries, revision) =>
        this.#look(
          entries.find((entry) => entry.key === key),
          revision,
        ),
      changed: (changes, revision) => {
        for (const change of changes) {
          if (change.type === 'put' && change.entry.key === key) this.#look(change.entry, revision)
          else if (change.type === 'delete' && change.key === key) this.#look(undefined, revision)
        }
      },
      failed: (error) => {
        const details = { event: 'etcd.failed', what: 'coordinator', error } as const
        telemetry?.log('warn', 'who coordinates the groups cannot be read from etcd', details)
        this.#tellFailure(error)
      },
      recovered: () => {
        const details = { event: 'etcd.recovered', what: 'coordinator' } as const
        telemetry?.log('info', 'who coordinates the groups can be read from etcd again', details)
      },
      onFault: (error) => this.#fault(error),
    })
  }

  /** Whether the coordinator runs here. */
  get coordinates(): boolean {
    return this.#reign?.hosting !== undefined
  }

  /** How long a write of the coordinator may take. */
  get writeMs(): Millis {
    return this.#writeMs
  }

  #look(entry: Entry | undefined, revision: Revision): void {
    this.#seen = { entry, revision }
    const reign = this.#reign
    // A watch may be behind: what it tells of the time before the election says nothing.
    if (reign !== undefined && revision >= reign.revision && entry?.createRevision !== reign.revision) {
      reign.over(
        new CaucusError('CAUCUS_NOT_LEADER', 'the key that makes this process coordinate was taken away in etcd'),
      )
    }
    this.#consider()
  }

  /** Tries to be elected, a little later, unless somebody is. */
  #consider(): void {
    if (this.#isClosing || this.#standing !== undefined || this.#seen === undefined) return
    if (this.#seen.entry !== undefined) {
      this.#attempt?.clear()
      this.#attempt = undefined
      this.#spreadMs = SPREAD_MS
      return
    }
    if (this.#attempt !== undefined) return
    const { clock, random } = this.#options
    const at = Math.max(clock.now(), this.#restsUntil) + random() * this.#spreadMs
    const attempt = () => {
      this.#attempt = undefined
      this.#standing = this.#stand().catch((error: unknown) => this.#fault(error))
      void this.#standing.then(() => {
        this.#standing = undefined
        this.#consider()
      })
    }
    this.#attempt = clock.setTimer(at, attempt, { ref: false })
  }

  /** Resolves once this process is not elected any more, or was not. */
  async #stand(): Promise<void> {
    const { engine, keys, process, telemetry, ttlSeconds = TTL_SECONDS } = this.#options
    this.#spreadMs = SPREAD_MS
    try {
      const elected = await stand({ engine, keys, process, ttlSeconds, telemetry })
      if (elected === undefined) return this.#rest(0)
      if (this.#isClosing) return await giveUp({ engine, telemetry }, elected.lease)
      const reign = new Reign({
        ...this.#options,
        writeMs: this.#writeMs,
        elected,
        onFault: (error) => this.#fault(error),
      })
      this.#reign = reign
      const reason = await reign.run()
      this.#reign = undefined
      if (reason === undefined) return
      telemetry?.log('warn', 'this process does not coordinate the groups on etcd any more', {
        event: 'reign.ended',
        error: reason,
      })
      this.#tellFailure(reason)
      this.#rest(REST_MS)
    } catch (error) {
      if (!isCaucusError(error)) throw error
      if (error.code === 'CAUCUS_CLOSED') return void this.close()
      telemetry?.log('warn', 'this process cannot stand for coordinator on etcd', { event: 'candidacy.failed', error })
      this.#tellFailure(error)
      this.#rest(this.#backOff.nextPauseMs())
      return
    }
    this.#backOff.reset()
  }

  #tellFailure(error: CaucusError): void {
    if (!PASSING.has(error.code)) this.#options.failed?.(error)
  }

  /** Whatever the watch says: it may not have told yet that somebody else was elected, or that what was ours is gone. */
  #rest(ms: Millis): void {
    this.#restsUntil = this.#options.clock.now() + ms
  }

  #fault(error: unknown): void {
    void this.close()
    this.#options.onFault(error)
  }

  /** In good order: the coordinator ends first, and whoever is next learns who holds something. Resolves once nothing of it is left. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    this.#attempt?.clear()
    this.#reign?.handOver()
    await this.#standing
    await this.#watch?.close()
  }
}

const shortestLeaseMs = ({ settings }: CoordinatingOptions): Millis =>
  Math.min(settings.defaults.leaseMs, ...[...(settings.groups ?? new Map()).values()].map(({ leaseMs }) => leaseMs))
