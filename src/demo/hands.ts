import { CaucusError } from '../errors.ts'
import type { Worker } from './crew.ts'
import type { Deed, WorkerState } from './deeds.ts'
import type { DemoEvent } from './events.ts'
import type { Team } from './team.ts'

/** As `--workers` takes them. */
const MOST_WORKERS = 50
/** Nobody is left frozen or cut off for longer: whoever looked away finds the group whole again. */
const FAULT_LIMIT_MS = 20_000

/** What it does it with. */
export type HandsOn = Pick<
  Team,
  | 'isOver'
  | 'atWork'
  | 'canCut'
  | 'coordination'
  | 'kill'
  | 'freeze'
  | 'wake'
  | 'cut'
  | 'heal'
  | 'add'
  | 'replace'
  | 'failOver'
> & { readonly whole: Pick<Team['whole'], 'shares'> }

/** Does what somebody asks for at a key or a button, to the processes of the demo and to no other, as long as the work can still end well. */
export class Hands {
  readonly #team: HandsOn
  readonly #tell: (event: DemoEvent) => void
  /** By the name of whom they end the fault of. */
  readonly #limits = new Map<string, NodeJS.Timeout>()
  #starting = 0
  #isDeploying = false

  constructor(team: HandsOn, tell: (event: DemoEvent) => void) {
    this.#team = team
    this.#tell = tell
  }

  get isDeploying(): boolean {
    return this.#isDeploying
  }

  get workers(): readonly WorkerState[] {
    const { shares } = this.#team.whole
    return this.#team.atWork.map((worker) => ({
      id: worker.id,
      pid: worker.child.pid,
      state: stateOf(worker),
      partitions: shares[worker.id] ?? 0,
    }))
  }

  /** Resolves once it is done, or, of what takes its time, begun; rejects with why it is not. */
  async perform(deed: Deed): Promise<void> {
    if (this.#team.isOver) throw conflict('the demo is ending')
    switch (deed.do) {
      case 'kill':
        return await this.#kill(deed.who)
      case 'freeze':
        return this.#freeze(deed.who)
      case 'wake':
        return this.#wake(deed.who)
      case 'cut':
        return this.#cut(deed.who)
      case 'heal':
        return this.#heal(deed.who)
      case 'failover':
        return this.#begin(this.#team.failOver())
      case 'add':
        return this.#add()
      case 'deploy':
        return this.#deploy()
    }
  }

  /** The same key again takes back what it did. */
  toggle(what: 'freeze' | 'cut'): Deed {
    if (what === 'cut') return { do: this.#team.atWork.some(({ isCut }) => isCut) ? 'heal' : 'cut' }
    const isFrozen = this.#team.atWork.some((worker) => worker.isFrozen) || this.#frozenServer !== undefined
    return { do: isFrozen ? 'wake' : 'freeze' }
  }

  /** Nobody is frozen or cut off any more. */
  makeGood(): void {
    for (const worker of this.#team.atWork) {
      if (worker.isFrozen) this.#team.wake(worker)
      if (worker.isCut) this.#team.heal(worker)
    }
    const { servers = [], serverFaults } = this.#team.coordination
    for (const { id, state } of servers) if (state === 'frozen') serverFaults?.wake(id)
    this.stop()
  }

  stop(): void {
    for (const limit of this.#limits.values()) clearTimeout(limit)
    this.#limits.clear()
  }

  async #kill(who: string | undefined): Promise<void> {
    const server = this.#serverFaultsOf(who)
    if (server !== undefined) return await server.kill(String(who))
    // The last one would take the work with it.
    if (this.#team.atWork.length < 2) throw conflict('this is the last worker: add one first')
    await this.#team.kill(this.#workerOf(who, 0))
  }

  #freeze(who: string | undefined): void {
    const server = this.#serverFaultsOf(who)
    if (server !== undefined) {
      const name = String(who)
      if (this.#isFrozenServer(name)) throw conflict(`${name} is frozen already`)
      server.freeze(name)
      return this.#limit(name, () => {
        if (this.#isFrozenServer(name)) server.wake(name)
      })
    }
    const worker = this.#workerOf(who, 1)
    if (worker.isFrozen) throw conflict(`${worker.id} is frozen already`)
    this.#team.freeze(worker)
    this.#limit(worker.id, () => {
      if (worker.isAtWork && worker.isFrozen) this.#team.wake(worker)
    })
  }

  #wake(who: string | undefined): void {
    const name = who ?? this.#team.atWork.find(({ isFrozen }) => isFrozen)?.id ?? this.#frozenServer
    if (name === undefined) throw conflict('nobody is frozen')
    this.#unlimit(name)
    const server = this.#serverFaultsOf(name)
    if (server !== undefined) {
      if (!this.#isFrozenServer(name)) throw conflict(`${name} is not frozen`)
      return server.wake(name)
    }
    const worker = this.#workerOf(name)
    if (!worker.isFrozen) throw conflict(`${name} is not frozen`)
    this.#team.wake(worker)
  }

  #cut(who: string | undefined): void {
    if (!this.#team.canCut)
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        "nobody can be cut off here: the way to etcd is not the demo's own",
      )
    const worker = this.#workerOf(who, -1)
    if (worker.isCut) throw conflict(`${worker.id} is cut off already`)
    this.#team.cut(worker)
    this.#limit(`the way of ${worker.id}`, () => {
      if (worker.isAtWork && worker.isCut) this.#team.heal(worker)
    })
  }

  #heal(who: string | undefined): void {
    const name = who ?? this.#team.atWork.find(({ isCut }) => isCut)?.id
    if (name === undefined) throw conflict('nobody is cut off')
    const worker = this.#workerOf(name)
    if (!worker.isCut) throw conflict(`${name} is not cut off`)
    this.#unlimit(`the way of ${name}`)
    this.#team.heal(worker)
  }

  #add(): void {
    if (this.#team.atWork.length + this.#starting >= MOST_WORKERS)
      throw conflict(`there are ${MOST_WORKERS} workers, which is enough for one machine`)
    this.#starting++
    this.#begin(this.#team.add().finally(() => this.#starting--))
  }

  #deploy(): void {
    if (this.#isDeploying) throw conflict('a rolling deploy is under way')
    const workers = this.#team.atWork
    if (workers.length < 2) throw conflict('with one worker nobody would be left meanwhile: add one first')
    this.#isDeploying = true
    this.#begin(this.#roll(workers).finally(() => (this.#isDeploying = false)))
  }

  /** One after the other, so that all others go on with what is theirs. */
  async #roll(workers: readonly Worker[]): Promise<void> {
    const sinceMs = performance.now()
    this.#tell({ type: 'deploying', workers: workers.length })
    // Whoever is gone by its turn is not missed.
    for (const worker of workers) if (worker.isAtWork) await this.#team.replace(worker)
    this.#tell({ type: 'deployed', workers: workers.length, afterMs: Math.round(performance.now() - sinceMs) })
  }

  /** It takes its time; what comes of it is told. */
  #begin(doing: Promise<void>): void {
    doing.catch((error: unknown) => {
      if (this.#team.isOver) return
      this.#tell({ type: 'refused', because: error instanceof Error ? error.message : String(error) })
    })
  }

  get #frozenServer(): string | undefined {
    return this.#team.coordination.servers?.find(({ state }) => state === 'frozen')?.id
  }

  #isFrozenServer(name: string): boolean {
    return this.#team.coordination.servers?.some(({ id, state }) => id === name && state === 'frozen') === true
  }

  /** Of a server; `undefined` when it is not the name of one. */
  #serverFaultsOf(who: string | undefined) {
    const { servers = [], serverFaults } = this.#team.coordination
    if (!servers.some(({ id }) => id === who)) return undefined
    if (serverFaults === undefined) throw conflict(`${who} is the only server: without it there is no demo`)
    return serverFaults
  }

  /** That one, or of those to whom nothing was done yet the one at this place by age. */
  #workerOf(who: string | undefined, place = 0): Worker {
    const { atWork } = this.#team
    const found =
      who === undefined
        ? at(atWork.filter(isUnharmed), place)
        : atWork.find(({ id, isAtWork }) => isAtWork && id === who)
    if (found !== undefined) return found
    throw who === undefined
      ? conflict('there is no other worker to whom that could be done: add one first')
      : new CaucusError('CAUCUS_NOT_FOUND', `no ${who} is running now`)
  }

  #limit(name: string, end: () => void): void {
    this.#unlimit(name)
    this.#limits.set(name, setTimeout(end, FAULT_LIMIT_MS).unref())
  }

  #unlimit(name: string): void {
    clearTimeout(this.#limits.get(name))
    this.#limits.delete(name)
  }
}

const stateOf = ({ isFrozen, isCut, isLeaving }: Worker): WorkerState['state'] =>
  isFrozen ? 'frozen' : isCut ? 'cut off' : isLeaving ? 'leaving' : 'at work'

const isUnharmed = ({ isFrozen, isCut, isLeaving }: Worker): boolean => !(isFrozen || isCut || isLeaving)

/** Or the last one, where there are not so many. */
const at = <T>(items: readonly T[], place: number): T | undefined => items.at(place) ?? items.at(-1)

const conflict = (message: string) => new CaucusError('CAUCUS_CONFLICT', message)
