import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PeerOptions } from '../../../index.ts'
import type { LeadingPeer, PeersView } from '../../../ports/peers.ts'
import { Child } from '../child.ts'
import type { House } from '../house.ts'
import { waitFor } from '../wait.ts'
import type { DiskState } from './disk.ts'
import type { FromVoter, VoterOrder } from './voter.ts'

const ANSWER_WITHIN_MS = 2_000

export interface VoterProcessOptions {
  /** The name of the process, which no other one has. */
  readonly who: string
  readonly options: PeerOptions
  /** Before the command. */
  readonly prefix?: readonly string[]
  /** How long anything is waited for. */
  readonly patienceMs: number
}

/** One process that is a voter, or would be one. */
export class VoterProcess {
  readonly who: string
  readonly id: string
  readonly child: Child
  readonly url: string
  readonly said: FromVoter[] = []
  /** It was asked to go, was killed, or may not start: its end is no failure. */
  dismissed = false
  readonly #patienceMs: number

  constructor(house: House, { who, options, prefix = [], patienceMs }: VoterProcessOptions) {
    this.#patienceMs = patienceMs
    this.who = who
    this.id = options.identifier
    this.url = `http://127.0.0.1:${options.listen_port}`
    const order: VoterOrder = { who, options, log: join(house.logs, `${who}.ndjson`) }
    this.child = new Child({
      name: who,
      command: [
        ...prefix,
        process.execPath,
        ...['--import', pathToFileURL(house.module('in-child')).href],
        ...[house.module('peers/voter'), JSON.stringify(order)],
      ] as [string, ...string[]],
      output: house.path(`${who}.log`),
    })
    this.child.onMessage((message) => {
      const said = message as FromVoter
      if (said.type !== undefined) this.said.push(said)
    })
  }

  /** The first thing like this that it said, from that place on. */
  heard(like: Partial<FromVoter>, from = 0): FromVoter | undefined {
    const wanted = Object.entries(like)
    return this.said.slice(from).find((said) => wanted.every(([key, value]) => said[key as keyof FromVoter] === value))
  }

  /** Resolves once it has said something like this. */
  saying(like: Partial<FromVoter>, signal?: AbortSignal): Promise<FromVoter> {
    const look = () => {
      const found = this.heard(like)
      if (found === undefined && !this.child.isAlive) throw this.child.endedTooEarly()
      return found
    }
    const what = () => `${this.who} to say ${JSON.stringify(like)}; it said: ${this.child.output}`
    return waitFor(what, look, { withinMs: this.#patienceMs, ...(signal && { signal }) })
  }

  /** `undefined`: it says that nobody leads, or nothing. */
  async leader(): Promise<LeadingPeer | undefined> {
    const response = await this.#ask('/v1/leader')
    return response?.ok ? ((await response.json()) as LeadingPeer) : undefined
  }

  async view(): Promise<PeersView | undefined> {
    const response = await this.#ask('/v1/peers')
    return response?.ok ? ((await response.json()) as PeersView) : undefined
  }

  async #ask(path: string): Promise<Response | undefined> {
    try {
      return await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    } catch {
      // It is being started, is frozen or gone; how long that may take is limited by whoever waits.
      return undefined
    }
  }

  /** Resolves once its disk is in that state. */
  async disk(state: DiskState, signal?: AbortSignal): Promise<void> {
    const told = () => this.said.filter(({ type }) => type === 'disk').length
    const before = told()
    this.child.send({ type: 'disk', state })
    const isDone = () => told() > before || !this.child.isAlive
    await waitFor(`${this.who} to set its disk`, isDone, { withinMs: this.#patienceMs, ...(signal && { signal }) })
  }

  /** Resolves once it has ended. Throws when it was asked to end in good order and did not. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.dismissed = true
    const { code } = await this.child.stop(signal)
    if (signal === 'SIGTERM' && code !== 0) throw this.child.endedTooEarly()
  }

  /** What it ended with, or said to be broken, though nobody had asked it to. */
  get failure(): string | undefined {
    const fault = this.said.find(({ type }) => type === 'fault')
    if (fault !== undefined) return `${this.who} failed: ${fault.message}`
    return this.child.isAlive || this.dismissed ? undefined : this.child.endedTooEarly().message
  }
}
