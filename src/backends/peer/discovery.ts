import { compareIds } from '../../core/ids.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { PeerAddressed } from '../../ports/peers.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { decodeVoters } from '../../wire/peers/voters.ts'
import type { AskSeed, SeedAsked } from './ask-seed.ts'
import { reachableHost } from './hosts.ts'
import { type FoundSeeds, type SeedAddress, showSeed } from './seeds.ts'

export type DiscoveryEvent =
  /** A seed has said who the voters are, and they are others, or elsewhere. */
  | { readonly type: 'voters.learned'; readonly voters: readonly string[] }
  /** No seed says who they are, and why. Told once, until one has. */
  | { readonly type: 'seeds.failed'; readonly problems: readonly string[] }

export interface DiscoveryOptions {
  readonly cluster: string
  /** Whose place none of the voters may have. */
  readonly identifier: string
  readonly clock: Clock
  /** The longest pause between two attempts. */
  readonly pauseMaxMs: Millis
  readonly ask: AskSeed
  /** In [0, 1). */
  random(): number
  lookUp(): Promise<FoundSeeds>
  found(voters: readonly PeerAddressed[]): void
  tell(event: DiscoveryEvent): void
  onFault(error: unknown): void
}

const MAX_TOLD = 16

/** Finds the voters: by any seed that says who they are, and by the voters of last time. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #backOff: BackOff
  #known: readonly SeedAddress[] = []
  #seeking = false
  #toldOfFailure = false
  #closed = false
  #asked: SeedAsked | undefined
  #again: Timer | undefined

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#backOff = new BackOff(() => options.random(), options.pauseMaxMs)
  }

  /** Asks until somebody answers; `found` is called then. Nothing more while it does so already. */
  seek(): void {
    if (this.#seeking || this.#closed) return
    this.#seeking = true
    this.#backOff.reset()
    this.#begin()
  }

  close(): void {
    this.#closed = true
    this.#again?.clear()
    this.#asked?.end()
  }

  #begin(): void {
    this.#attempt().catch((error: unknown) => {
      if (!this.#closed) this.#options.onFault(error)
    })
  }

  async #attempt(): Promise<void> {
    const { clock, lookUp } = this.#options
    const { addresses, problems: unfound } = await lookUp()
    const problems = [...unfound]
    for (const address of [...this.#shuffled(addresses), ...this.#known]) {
      if (this.#closed) return
      const voters = await this.#ask(address)
      if (this.#closed) return
      if (typeof voters !== 'string') {
        return this.#found(voters)
      }
      problems.push(`${showSeed(address)} ${voters}`)
    }
    if (this.#closed) return
    this.#failed(problems)
    this.#again = clock.setTimer(clock.now() + this.#backOff.nextPauseMs(), () => this.#begin(), { ref: false })
  }

  #found(voters: readonly PeerAddressed[]): void {
    const { found, tell } = this.#options
    const before = this.#known.map(showSeed)
    this.#known = voters.map(({ host, port }) => ({ host, port }))
    this.#seeking = false
    this.#toldOfFailure = false
    const isNews = this.#known.map(showSeed).join() !== before.join()
    if (isNews) tell({ type: 'voters.learned', voters: voters.map(({ identifier }) => identifier) })
    found(voters)
  }

  #failed(problems: readonly string[]): void {
    if (!this.#toldOfFailure) this.#options.tell({ type: 'seeds.failed', problems: problems.slice(0, MAX_TOLD) })
    this.#toldOfFailure = true
  }

  /** The voters, or why this seed does not name them. */
  async #ask(address: SeedAddress): Promise<readonly PeerAddressed[] | string> {
    const { cluster, identifier } = this.#options
    this.#asked = this.#options.ask(address)
    let text: string
    try {
      text = await this.#asked.answer
    } catch (error) {
      return error instanceof Error ? `could not be asked: ${error.message}` : `could not be asked: ${String(error)}`
    }
    const answer = decodeVoters(text)
    if (typeof answer === 'string') return `does not say who the voters are: ${answer}`
    if (answer.cluster !== cluster) return `is of the cluster "${answer.cluster}", not of "${cluster}"`
    if (answer.peers.length === 0) return 'knows of no voters yet'
    if (answer.peers.some((peer) => peer.identifier === identifier))
      return `names a voter "${identifier}"; give this observer another identifier`
    // Of itself it may know no more than where it listens.
    return answer.peers
      .map(({ self, host, ...peer }) => ({
        identifier: peer.identifier,
        host: self ? reachableHost(host, address.host) : host,
        port: peer.port,
        metadata: peer.metadata,
      }))
      .sort((one, other) => compareIds(one.identifier, other.identifier))
  }

  /** So that not everybody asks the same one first. */
  #shuffled(addresses: readonly SeedAddress[]): readonly SeedAddress[] {
    return addresses
      .map((address) => ({ address, at: this.#options.random() }))
      .sort((one, other) => one.at - other.at)
      .map(({ address }) => address)
  }
}
