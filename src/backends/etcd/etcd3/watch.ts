import type { IWatchRequest, IWatchResponse } from 'etcd3'
import type { Instant, Millis } from '../../../core/time.ts'
import type { Clock, Timer } from '../../../ports/clock.ts'
import type { Change, Revision, Watching, WatchSink } from '../engine.ts'
import type { Caller } from './caller.ts'
import type { Connection, OpenStream } from './connection.ts'
import { failureOf } from './failure.ts'
import { bytesOf, entryOf, rangeOf } from './values.ts'

export interface WatchOptions {
  readonly caller: Caller
  readonly clock: Clock
  readonly progressMs: Millis
  readonly prefix: string
  readonly from: Revision
  readonly sink: WatchSink
  /** It is over, by whichever side. */
  onOver(): void
}

/** On its stream, the numbers of our own watchers: the watch itself, and from the next one on those that only see whether etcd answers. */
const WATCH_ID = 1
/** A watch is asked for a sign of life so often in `progressMs`, and broken when it has owed one for the rest. */
const SIGNS_WITHIN = 3

/** One watch on one stream. It never moves to another member of etcd by itself: it ends, and whoever wants it goes on with another one. */
export class Watch implements Watching {
  readonly #options: WatchOptions
  #told: Revision
  #isOver = false
  #connection: Connection | undefined
  #token: string | undefined
  #stream: OpenStream<IWatchRequest> | undefined
  #timer: Timer | undefined
  /** Since when a sign of life has been owed. */
  #owedSince: Instant | undefined
  #signs = 0
  #lastId = WATCH_ID

  constructor(options: WatchOptions) {
    this.#options = options
    this.#told = options.from - 1
    void this.#open()
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.clear()
    this.#stream?.cancel()
    this.#options.onOver()
  }

  async #open(): Promise<void> {
    const { caller } = this.#options
    try {
      await caller.run({ what: 'a watch', repeatable: true }, async (connection, { token }) => {
        if (!this.#isOver) this.#begin(connection, token)
      })
    } catch (error) {
      this.#end(failureOf('a watch', error, 'etcd').message)
    }
  }

  #begin(connection: Connection, token: string | undefined): void {
    const { prefix, from } = this.#options
    this.#connection = connection
    this.#token = token
    this.#stream = connection.stream<IWatchRequest, IWatchResponse>('Watch', 'watch', token, {
      heard: (response) => this.#heard(response),
      ended: (error) => this.#end(failureOf('a watch', error, connection.address.url).message),
    })
    this.#stream.write({ create_request: { ...rangeOf(prefix), start_revision: String(from), watch_id: WATCH_ID } })
    this.#owedSince = this.#options.clock.now()
    this.#wait()
  }

  #heard(response: IWatchResponse): void {
    const { sink } = this.#options
    this.#owedSince = undefined
    this.#signs = 0
    if (Number(response.watch_id) > WATCH_ID) return this.#heardSign(response)
    if (response.canceled) return this.#refused(response)
    // Where it began is what the store was at just then; etcd says so but once.
    if (response.created && this.#told < 0) this.#told = Number(response.header.revision)
    if (response.events.length === 0) return sink.progressed(this.#told)
    for (const [revision, changes] of this.#newOf(response)) {
      if (this.#isOver) return
      this.#told = revision
      sink.changed(changes, revision)
    }
  }

  /**
   * What was not told before, by revision: some versions of etcd send events twice, and a member that was restored from a copy starts over.
   * One answer has several revisions where a watch was behind, and never a part of one, since we do not ask for fragments.
   */
  #newOf({ events }: IWatchResponse): ReadonlyMap<Revision, readonly Change[]> {
    const found = new Map<Revision, Change[]>()
    for (const { type, kv } of events) {
      const entry = entryOf(kv)
      const { key, modRevision } = entry
      if (modRevision <= this.#told) continue
      const change: Change =
        String(type).toUpperCase() === 'DELETE' ? { type: 'delete', key, modRevision } : { type: 'put', entry }
      const changes = found.get(modRevision)
      if (changes === undefined) found.set(modRevision, [change])
      else changes.push(change)
    }
    return found
  }

  #refused({ compact_revision, cancel_reason }: IWatchResponse): void {
    if (Number(compact_revision) > 0) return this.#end(undefined)
    // etcd 3.4 says so of a stale token too: the next watch takes a new one.
    if (/permission denied|auth/i.test(cancel_reason)) this.#options.caller.login.refused(this.#token)
    this.#end(`etcd refused a watch: ${cancel_reason === '' ? 'it gave no reason' : cancel_reason}`)
  }

  #heardSign({ watch_id, created, canceled }: IWatchResponse): void {
    if (created && !canceled) this.#stream?.write({ cancel_request: { watch_id } })
    if (!this.#isOver) this.#options.sink.progressed(this.#told)
  }

  #wait(): void {
    const { clock, progressMs } = this.#options
    this.#timer = clock.setTimer(
      clock.now() + progressMs / SIGNS_WITHIN,
      () => {
        // After a poll: a sign of life may lie in our socket while this process stood still.
        this.#timer = clock.turn(() => this.#look())
      },
      { ref: false },
    )
  }

  #look(): void {
    const { clock, progressMs } = this.#options
    const now = clock.now()
    this.#owedSince ??= now
    const owedMs = now - this.#owedSince
    if (owedMs >= progressMs * (1 - 1 / SIGNS_WITHIN)) {
      const connection = this.#connection
      this.#end(`${connection?.address.url} said nothing for ${Math.round(owedMs)} ms`)
      if (connection?.isSilentSince(now - owedMs)) connection.close('it fell silent')
      return
    }
    this.#askForSign()
    this.#wait()
  }

  /**
   * A request for progress, and if that is not answered, a watcher of nothing: etcd 3.4.25 to 3.4.30 and 3.5.8 to 3.5.12 owe progress to
   * a watch that never had an event (etcd-io/etcd#17507). The revision that it comes with is not believed: before 3.4.25 and 3.5.8 it may
   * overtake events (etcd-io/etcd#15220).
   */
  #askForSign(): void {
    this.#signs += 1
    if (this.#signs === 1) return this.#stream?.write({ progress_request: {} })
    this.#lastId += 1
    const key = this.#options.prefix === '' ? '\0' : this.#options.prefix
    this.#stream?.write({
      create_request: { key: bytesOf(key), filters: ['Noput', 'Nodelete'], watch_id: this.#lastId },
    })
  }

  /** Without a reason: what it was to tell was compacted away. */
  #end(reason: string | undefined): void {
    if (this.#isOver) return
    this.close()
    this.#options.sink.ended(reason === undefined ? { compacted: true } : { compacted: false, reason })
  }
}
