import { join } from 'node:path'
import type { Timing } from '../../../src/config/timing.ts'
import type { IntervalRecord } from '../../../src/testing/intervals.ts'
import { Checker } from '../../../src/testing/trial/checker.ts'
import { clockNs } from '../../../src/testing/trial/things.ts'
import { repository } from './processes.ts'
import { Program, type ProgramOptions } from './program.ts'
import { waitFor } from './wait.ts'

const ASK_EVERY_MS = 5

export interface News {
  readonly type: string
  readonly member?: string
  readonly because?: string
  /** By the server's wall clock. */
  readonly atMs?: number
}

/** What a member answered. It was true at some instant between the two readings of *this* process's clock. */
export interface Answer {
  readonly askedNs: number
  readonly heardNs: number
  /** By the member's own clock. */
  readonly wallMs: number
  /** Partition and epoch. */
  readonly held: readonly (readonly [number, number])[]
}

export interface BelieverOptions extends Pick<ProgramOptions, 'prefix' | 'env'> {
  readonly id: string
  readonly url: string
  readonly partitions: number
  readonly token?: string
  readonly timing?: Partial<Timing>
}

/**
 * A member in a process of its own that is asked all the time what it believes.
 *
 * Its own clocks may lie, so only the asker's is read: before it asks and after it hears. What is true in two answers was true from the
 * hearing of the first to the asking of the second, at least; no delay of a pipe or a busy machine can make that too long.
 */
export class Believer {
  readonly id: string
  readonly answers: Answer[] = []
  readonly news: News[] = []
  readonly #program: Program
  #isJoined = false
  #counted: ((links: number) => void) | undefined

  constructor({ id, prefix = [], env = {}, ...order }: BelieverOptions) {
    this.id = id
    const worker = join(repository, 'test/process/support/believer.mjs')
    this.#program = new Program({ name: id, args: [worker, JSON.stringify({ id, ...order })], prefix, env })
    let askedNs = 0
    const ask = () => {
      askedNs = clockNs()
      this.#program.tell('belief')
    }
    this.#program.onLine((line) => {
      const heardNs = clockNs()
      const said = JSON.parse(line)
      if (said.type === 'joined') this.#isJoined = true
      if (said.type === 'links') return this.#counted?.(said.links)
      if (said.type === 'belief') {
        const { wallMs, held, news } = said as Pick<Answer, 'wallMs' | 'held'> & { news: News[] }
        this.answers.push({ askedNs, heardNs, wallMs, held })
        this.news.push(...news)
      }
      setTimeout(ask, ASK_EVERY_MS)
    })
  }

  get held(): Answer['held'] {
    this.#program.assertRuns()
    return this.answers.at(-1)?.held ?? []
  }

  async joined(): Promise<void> {
    await waitFor(`${this.id} to join`, () => {
      this.#program.assertRuns()
      return this.#isJoined
    })
  }

  /** How many links the server says that it has. */
  links(): Promise<number> {
    const answered = new Promise<number>((resolve) => {
      this.#counted = resolve
    })
    this.#program.tell('links')
    return answered
  }

  claims(): IntervalRecord[] {
    const claims = new Map<string, { what: string; epoch: number; startNs: number; endNs: number }>()
    for (const { askedNs, heardNs, held } of this.answers) {
      for (const [partition, epoch] of held) {
        const key = `${partition} ${epoch}`
        const claim = claims.get(key)
        // Every grant has an epoch of its own: between two such answers nobody else can have been the owner.
        if (claim === undefined) claims.set(key, { what: `g/${partition}`, epoch, startNs: heardNs, endNs: 0 })
        else claim.endNs = askedNs
      }
    }
    return [...claims.values()]
      .filter(({ startNs, endNs }) => startNs <= endNs)
      .map((claim) => ({ who: this.id, ...claim }))
  }

  async stop(): Promise<void> {
    await this.#program.stop()
  }
}

/** Resolves once these hold all partitions and share them as evenly as can be. */
export const isWhole = async (members: readonly Believer[], partitions: number): Promise<void> => {
  const least = Math.floor(partitions / members.length)
  await waitFor(
    `${members.map(({ id }) => id).join(', ')} to hold everything`,
    () => {
      const all = members.flatMap(({ held }) => held.map(([partition]) => partition))
      // Once each: they answer one after the other, and what two of them have was handed over in between.
      const isOnceEach = all.length === partitions && new Set(all).size === partitions
      return isOnceEach && members.every(({ held }) => held.length >= least)
    },
    { withinMs: 40_000 },
  )
}

/** What the independent checker finds in all that was claimed. */
export const judge = (members: readonly Believer[]) => {
  const checker = new Checker()
  for (const member of members) checker.add(member.claims())
  return checker.check()
}
