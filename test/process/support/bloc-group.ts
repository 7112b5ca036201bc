import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOverlaps, type IntervalRecord, type Overlap, readIntervals } from '../../../src/testing/intervals.ts'
import { FaultProxy } from '../../../src/testing/trial/fault-proxy.ts'
import { type Running, repository, startNode } from './processes.ts'
import { waitFor } from './wait.ts'

export type ClientKind = 'ours' | 'original'
export type Slot = readonly [index: number, total: number]

interface Said {
  readonly type: 'ready' | 'slot' | 'stopping' | 'stopped'
  readonly slot?: Slot | null
  readonly atNs: number
}

/** One member in a process of its own. */
export class Member {
  readonly id: string
  readonly process: Running
  /** Between it and the server. */
  readonly proxy: FaultProxy
  readonly #log: string

  constructor(id: string, process: Running, proxy: FaultProxy, log: string) {
    this.id = id
    this.process = process
    this.proxy = proxy
    this.#log = log
  }

  /** What it has said, in order. */
  said(): Said[] {
    const lines = this.process.stdout().split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line))
  }

  /** What it said last about its slot. */
  slot(): Slot | null {
    return this.said().findLast(({ type }) => type === 'slot')?.slot ?? null
  }

  saidAt(type: Said['type']): number | undefined {
    return this.said().find((line) => line.type === type)?.atNs
  }

  claims(): IntervalRecord[] {
    return existsSync(this.#log) ? readIntervals(this.#log) : []
  }

  async ready(): Promise<void> {
    await waitFor(`${this.id} to run`, () => this.saidAt('ready'))
  }

  /** Starts the client of one whose client was to start later. It must be ready, so that this takes no longer than a signal. */
  startClient(): void {
    this.process.signal('SIGHUP')
  }

  /** From now on, just after an answer, it does not hear the server any more; the server goes on hearing it. */
  async goDeaf(): Promise<void> {
    await this.proxy.nextPassed('down')
    this.proxy.set('down', { lose: true })
  }

  /** Stops its client; the process goes on asking it for a slot. */
  async stopClient(): Promise<void> {
    this.process.signal('SIGUSR2')
    await waitFor(`${this.id} to stop`, () => this.saidAt('stopped'))
  }
}

/** The members of one group, and the check of what they claimed. */
export class BlocGroup {
  readonly members: Member[] = []
  readonly #kind: ClientKind
  readonly #intervalSeconds: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'caucus-bloc-'))

  constructor(kind: ClientKind, intervalSeconds: number) {
    this.#kind = kind
    this.#intervalSeconds = intervalSeconds
  }

  async start(
    id: string,
    address: string,
    { as = id, when = 'now' }: { as?: string; when?: 'now' | 'later' } = {},
  ): Promise<Member> {
    const proxy = await FaultProxy.start(address)
    const log = join(this.#folder, `${id}.ndjson`)
    const worker = join(repository, 'test/process/support/bloc-worker.mjs')
    const process = startNode([worker, this.#kind, proxy.address, String(this.#intervalSeconds), as, log, when])
    const member = new Member(id, process, proxy, log)
    this.members.push(member)
    return member
  }

  /** Some members of a settled group, in the order of their indexes. */
  async startSettled(ids: readonly string[], address: string): Promise<Member[]> {
    const members = await Promise.all(ids.map((id) => this.start(id, address)))
    await this.settled()
    return members.sort((a, b) => (a.slot()?.[0] ?? 0) - (b.slot()?.[0] ?? 0))
  }

  /** Resolves once exactly `members` hold the slots of one view. */
  async settled(members: readonly Member[] = this.members): Promise<void> {
    const wanted = members.map((_, place) => `${place + 1} of ${members.length}`).join(', ')
    await waitFor(`the slots ${wanted}`, () => {
      for (const { id, process } of members) {
        const ended = process.ended()
        if (ended !== undefined) throw new Error(`${id} ended: ${process.stderr()}`)
      }
      const slots = members.map((member) => member.slot()?.join(' of ') ?? 'none')
      return slots.sort().join(', ') === wanted
    })
  }

  /** Two members with the same index at one instant. */
  doubles(): Overlap[] {
    return findOverlaps(this.#claims((claim, [index]) => ({ ...claim, what: `index ${index}` })))
  }

  /** Two totals at one instant, whoever they were told to: then some keys have two owners, or none. */
  discords(): Overlap[] {
    return findOverlaps(this.#claims((claim, [, total]) => ({ ...claim, what: 'the total', who: `total ${total}` })))
  }

  claimed(): number {
    return this.members.reduce((sum, member) => sum + member.claims().length, 0)
  }

  dispose(): void {
    for (const { proxy } of this.members) void proxy.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #claims(as: (claim: IntervalRecord, slot: Slot) => IntervalRecord): IntervalRecord[] {
    return this.members.flatMap((member) =>
      member.claims().map((claim) => {
        const [index = 0, total = 0] = claim.what.split(' of ').map(Number)
        return as({ ...claim, who: member.id }, [index, total])
      }),
    )
  }
}

/** Records of one claim follow one another this closely. */
const SAME_OVERLAP_NS = 25_000_000

/** How long the longest of some overlaps lasted, for the reader of the test's output. */
export const longestMs = (overlaps: readonly Overlap[]): string => {
  let fromNs = 0
  let toNs = Number.NEGATIVE_INFINITY
  let longestNs = 0
  for (const { startNs, endNs } of [...overlaps].sort((a, b) => a.startNs - b.startNs)) {
    if (startNs - toNs > SAME_OVERLAP_NS) fromNs = startNs
    toNs = Math.max(toNs, endNs)
    longestNs = Math.max(longestNs, toNs - fromNs)
  }
  return `${(longestNs / 1e6).toFixed(2)} ms`
}
