import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CaucusError } from '../../../errors.ts'
import type { Checker } from '../checker.ts'
import { Child } from '../child.ts'
import type { House } from '../house.ts'
import { ownerless, unsettled } from '../settled.ts'
import { clockNs, PARTS, SLOTS, TENURE, thingsOf } from '../things.ts'
import { waitFor } from '../wait.ts'
import type { FromWorker, WorkerOrder } from '../worker.ts'
import { askLogOf } from './ask-ledger.ts'

/** A drain may last as long as its lease. */
const LEAVES_WITHIN_MS = 45_000
const GROUPS = [PARTS.group, SLOTS.group]
const THINGS = [...GROUPS, TENURE].flatMap(thingsOf)

export interface CrewOptions {
  readonly house: House
  readonly checker: Checker
  /** Of every peer. */
  readonly urls: readonly string[]
  readonly timing: WorkerOrder['timing']
  readonly seed: number
  /** One in so many tenures ends by itself; 0: none does. */
  readonly resigns: number
  readonly askEveryMs: number
  /** Takes in what was written down meanwhile. */
  read(): void
}

/** A process that is a member of two groups, a candidate of an election, and asks and answers on a topic, through any peer. */
export class Member {
  readonly who: string
  readonly child: Child
  joined = false
  dismissed = false
  fenced: string | undefined
  readonly wronged: string[] = []

  constructor(who: string, child: Child) {
    this.who = who
    this.child = child
    child.onMessage((message) => {
      const said = message as FromWorker
      if (said.type === 'joined') this.joined = true
      else if (said.type === 'fenced') this.fenced = said.why
      else if (said.type === 'wronged') this.wronged.push(`${who} owned ${said.what} and was refused`)
    })
  }

  get isAtWork(): boolean {
    return this.child.isAlive && !this.dismissed
  }

  get failure(): string | undefined {
    if (this.dismissed) return undefined
    if (this.fenced !== undefined) return `${this.who} is no member any more: ${this.fenced}`
    return this.child.isAlive ? undefined : this.child.endedTooEarly().message
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.dismissed = true
    const { code } = await this.child.stop(signal, LEAVES_WITHIN_MS)
    if (signal === 'SIGTERM' && code !== 0) throw this.child.endedTooEarly()
  }
}

/** The members of a trial of peers. */
export class Crew {
  readonly members: Member[] = []
  readonly #options: CrewOptions

  constructor(options: CrewOptions) {
    this.#options = options
  }

  get atWork(): Member[] {
    return this.members.filter(({ isAtWork }) => isAtWork)
  }

  /** One more, through the peers in an order of its own. Resolves at once. */
  start(): Member {
    const { house, urls, timing, seed, resigns, askEveryMs } = this.#options
    const number = this.members.length
    const who = `m${number + 1}`
    const from = number % urls.length
    const order: WorkerOrder = {
      who,
      id: who,
      url: [...urls.slice(from), ...urls.slice(0, from)],
      log: join(house.logs, `${who}.ndjson`),
      seed: seed * 1_000 + number,
      resigns,
      asks: { log: askLogOf(house, who), everyMs: askEveryMs },
      ...(timing && { timing }),
    }
    const loaded = ['--import', pathToFileURL(house.module('in-child')).href]
    const child = new Child({
      name: who,
      command: [process.execPath, ...loaded, house.module('worker'), JSON.stringify(order)],
      output: house.path(`${who}.log`),
    })
    const member = new Member(who, child)
    this.members.push(member)
    return member
  }

  /**
   * Resolves once the groups are settled with exactly those who are at work, and after that everything had an owner, the election a leader
   * too.
   */
  async whole({ signal, withinMs }: { signal?: AbortSignal; withinMs?: number } = {}): Promise<void> {
    if (this.atWork.length === 0) return
    const { urls, checker, read, house } = this.#options
    let missing = 'anything'
    let sinceNs: number | undefined
    let asked = 0
    const look = async () => {
      this.throwIfFailed()
      read()
      const ids = this.atWork.map(({ who }) => who)
      // Any peer has to know.
      const url = urls[asked++ % urls.length] as string
      const waiting = await unsettled(url, new Map(GROUPS.map((group) => [group, ids])))
      this.throwIfFailed()
      if (waiting !== undefined) {
        missing = `${url}: ${waiting}`
        return false
      }
      sinceNs ??= clockNs()
      const bare = ownerless(checker, THINGS, sinceNs)
      missing = bare ?? ''
      return bare === undefined
    }
    const what = () => `the groups to be whole: ${missing} (logs: ${house.folder})`
    const given = { ...(signal && { signal }), ...(withinMs !== undefined && { withinMs }) }
    await waitFor(what, look, { everyMs: 50, ...given })
  }

  /** The things of a first picture that have another owner in a second one, or one who had lost them for an instant. */
  static lost(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
    return [...before].filter(([what, claim]) => after.get(what) !== claim).map(([what]) => what)
  }

  /** Who has what, by the claim that goes on: equal later only if nobody lost anything for an instant. */
  holdings(): ReadonlyMap<string, string> {
    const { checker, read } = this.#options
    read()
    const latest = THINGS.map((what) => checker.latest(what))
    return new Map(
      latest.flatMap((claim) => (claim ? [[claim.what, `${claim.who} ${claim.epoch} ${claim.startNs}`]] : [])),
    )
  }

  throwIfFailed(): void {
    const failure = this.members.map((member) => member.failure).find((each) => each !== undefined)
    if (failure !== undefined) throw new CaucusError('CAUCUS_BACKEND', `nobody asked it to: ${failure}`)
  }

  /** What went wrong with them, one line each. */
  get faults(): string[] {
    return this.members.flatMap(({ failure, wronged }) => [...(failure === undefined ? [] : [failure]), ...wronged])
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop('SIGKILL')))
  }
}
