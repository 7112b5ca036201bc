import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CaucusError } from '../errors.ts'
import { Child, type Ending } from './child.ts'
import type {
  Coordination,
  CoordinationListener,
  Coordinator,
  Reach,
  ServerFaults,
  ServerState,
} from './coordination.ts'
import { freeze } from './freezer.ts'
import { GROUP, type Picture } from './group.ts'
import { answerAsked } from './page-questions.ts'
import { answerOf, putTo } from './web.ts'

const CAUCUS = fileURLToPath(new URL('../../bin/caucus.js', import.meta.url))
/** The same with the buttons of the demo on its page. */
const WITH_BUTTONS = fileURLToPath(new URL('../cli/demo/server.js', import.meta.url))
const ORPHAN = new URL('./orphan.js', import.meta.url).href
const STOP_LIMIT_MS = 2_000
const LOOK_EVERY_MS = 5
/** An election later, somebody takes orders again. */
const DRAIN_LIMIT_MS = 3_000
const LOOK_AGAIN_MS = 100
/** Far beyond any election: something is wrong then, and waiting longer does not mend it. */
const PATIENCE_MS = 30_000
/** As whoever minds processes starts again what has crashed. */
const START_AGAIN_MS = 500

export interface ServerOrder {
  readonly id: string
  /** Of `caucus serve`. */
  readonly args: readonly string[]
}

interface Server {
  readonly order: ServerOrder
  child: Child
  url: string
  /** It listens. */
  isUp: boolean
  /** Continues it, while it is stopped. */
  thaw?: (() => void) | undefined
}

/** Who leads, as anybody with `curl` sees it. */
interface Leader {
  readonly identifier: string
  readonly term: number
}

/** What coordinates the workers: one server, or voters of which one leads. A voter that was killed is started again. */
export class Servers implements Coordination {
  readonly #orders: readonly ServerOrder[]
  readonly #listener: CoordinationListener
  readonly #signal: AbortSignal
  readonly #servers: Server[] = []
  #leader: Leader | undefined
  /** Its end is told by whoever killed it. */
  #victim: Child | undefined
  #stopping = false

  /** `signal` ends every wait. */
  constructor(orders: readonly ServerOrder[], listener: CoordinationListener, signal: AbortSignal) {
    this.#orders = orders
    this.#listener = listener
    this.#signal = signal
  }

  get reach(): Reach {
    return { type: 'servers', urls: this.#urls }
  }

  get #urls(): readonly string[] {
    return this.#servers.map(({ url }) => url)
  }

  get look(): string {
    // Any of them answers for all, but one that was killed a moment ago.
    const server = this.#servers.find(({ isUp }) => isUp) ?? this.#servers[0]
    return `curl ${server?.url}/v1/groups/${GROUP}`
  }

  async picture(group: string): Promise<Picture | undefined> {
    const path = `/v1/groups/${encodeURIComponent(group)}`
    return (await answerOf(this.#awake, path, this.#signal)) as Picture | undefined
  }

  /** Without those that the demo itself has stopped: they would be waited for. */
  get #awake(): readonly string[] {
    return this.#servers.filter(({ thaw }) => thaw === undefined).map(({ url }) => url)
  }

  get servers(): readonly ServerState[] {
    return this.#servers.map(({ order: { id }, child, isUp, thaw }) => ({
      id,
      pid: child.pid,
      state: !isUp ? 'down' : thaw === undefined ? 'up' : 'frozen',
    }))
  }

  async drain(group: string, member: string): Promise<void> {
    const path = `/v1/groups/${encodeURIComponent(group)}/members/${encodeURIComponent(member)}/drain`
    const sinceMs = performance.now()
    // Whoever is to stop does so in any case: it goes with what it has, as when nobody had ordered it.
    while (performance.now() - sinceMs < DRAIN_LIMIT_MS && !(await putTo(this.#awake, path, this.#signal)))
      await sleep(LOOK_AGAIN_MS, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted())
  }

  get serverFaults(): ServerFaults | undefined {
    if (!this.#isReplicated) return undefined
    return {
      kill: (id) => this.#kill(this.#serverOf(id)),
      freeze: (id) => this.#freeze(this.#serverOf(id)),
      wake: (id) => this.#wake(this.#serverOf(id)),
    }
  }

  #serverOf(id: string): Server {
    const server = this.#servers.find(({ order }) => order.id === id)
    if (server?.isUp === true) return server
    throw new CaucusError('CAUCUS_NOT_FOUND', `no server ${id} is running now`)
  }

  /** The others go on, and it is started again. */
  async #kill(server: Server): Promise<void> {
    const { order, child } = server
    child.signal('SIGKILL')
    await child.ended
    this.#listener.tell({ type: 'serverKilled', server: order.id, pid: child.pid })
  }

  #freeze(server: Server): void {
    const { order, child } = server
    if (server.thaw !== undefined) return
    const sinceMs = performance.now()
    server.thaw = freeze(child)
    this.#listener.tell({ type: 'serverFrozen', server: order.id, pid: child.pid })
    if (order.id === this.#leader?.identifier) this.#inBackground(this.#untilLed(sinceMs, child))
  }

  #wake(server: Server): void {
    const { order, child, thaw } = server
    if (thaw === undefined) return
    server.thaw = undefined
    thaw()
    if (child.isAlive) this.#listener.tell({ type: 'serverContinued', server: order.id, pid: child.pid })
  }

  /** Too few of them may be there for another leader, since somebody has stopped the others: nothing is wrong with that. */
  #inBackground(led: Promise<void>): void {
    led.catch((error: unknown) => {
      if (!this.#stopping && !this.#signal.aborted && this.#listener.answer === undefined) this.#listener.failed(error)
    })
  }

  /** The voter that leads now: another one may have been elected since it was told. Of a single server nobody asks. */
  async findCoordinator(): Promise<Coordinator | undefined> {
    const leader = await this.#findLeader()
    return leader && { id: leader.id, pid: leader.child.pid }
  }

  async #findLeader(): Promise<{ readonly id: string; readonly child: Child } | undefined> {
    if (!this.#isReplicated) return undefined
    const { identifier } = await this.#led(performance.now(), (leader) => leader.term >= (this.#leader?.term ?? 0))
    const server = this.#servers.find(({ order }) => order.id === identifier)
    return server && { id: identifier, child: server.child }
  }

  get #isReplicated(): boolean {
    return this.#orders.length > 1
  }

  /** Resolves once all of them listen, and one of several leads. */
  async start(): Promise<void> {
    const sinceMs = performance.now()
    for (const order of this.#orders) this.#servers.push({ order, child: this.#spawn(order), url: '', isUp: false })
    await Promise.all(this.#servers.map((server) => this.#listening(server)))
    if (this.#isReplicated) await this.#untilLed(sinceMs)
  }

  /** Kills whoever leads with -9, waits until another one does, and starts it again. */
  async failOver(): Promise<void> {
    const leader = await this.#findLeader()
    if (leader === undefined) return
    const { id, child } = leader
    const sinceMs = performance.now()
    this.#victim = child
    child.signal('SIGKILL')
    await child.ended
    this.#listener.tell({ type: 'leaderKilled', server: id, pid: child.pid })
    await this.#untilLed(sinceMs, child)
  }

  /** Resolves once no server is left. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const { thaw } of this.#servers) thaw?.()
    await Promise.all(this.#servers.map(({ child }) => child.stop(() => child.signal('SIGTERM'), STOP_LIMIT_MS)))
  }

  killAll(): void {
    this.#stopping = true
    for (const { child } of this.#servers) child.signal('SIGKILL')
  }

  #spawn({ id, args }: ServerOrder): Child {
    const { answer } = this.#listener
    if (answer === undefined) return new Child(id, ['--import', ORPHAN, CAUCUS, 'serve', ...args])
    const child = new Child(id, ['--import', ORPHAN, WITH_BUTTONS, ...args])
    child.onMessage((message) => void answerAsked(message, answer, child))
    return child
  }

  async #listening(server: Server): Promise<void> {
    const { order, child } = server
    const line = await child.firstLine(this.#signal)
    const url = /^listening on (https?:\/\/\S+)$/.exec(line)?.[1]
    if (url === undefined)
      throw new CaucusError('CAUCUS_BACKEND', `${child.name} said ${JSON.stringify(line)}, not where it listens`)
    server.url = url
    server.isUp = true
    this.#listener.tell({ type: 'listening', server: order.id, url, pid: child.pid })
    void child.ended.then((ending) => this.#ended(server, child, ending))
  }

  /** One that was stopped or killed comes back, while the others go on; one that failed by itself has a reason that somebody must read. */
  #ended(server: Server, child: Child, { code, signal }: Ending): void {
    server.isUp = false
    server.thaw?.()
    server.thaw = undefined
    if (this.#stopping) return
    if (!this.#isReplicated || (signal === null && code !== 0)) return this.#listener.failed(child.endedTooEarly())
    // Whoever killed it by hand wants to see what becomes of that.
    const isMissed = server.order.id === this.#leader?.identifier && child !== this.#victim
    if (isMissed) this.#inBackground(this.#untilLed(performance.now(), child))
    this.#startAgain(server).catch((error: unknown) => {
      if (!this.#stopping && !this.#signal.aborted) this.#listener.failed(error)
    })
  }

  async #startAgain(server: Server): Promise<void> {
    await sleep(START_AGAIN_MS, undefined, { signal: this.#signal })
    if (this.#stopping) return
    server.child = this.#spawn(server.order)
    await this.#listening(server)
  }

  /**
   * Resolves once there is another leader than before, and tells of it. Whoever was killed, and who else knows only that one, is believed
   * for as long as its lease would have run.
   */
  async #untilLed(sinceMs: number, dead?: Child): Promise<void> {
    const before = this.#leader?.term ?? 0
    const isNext = ({ identifier, term }: Leader) =>
      term > before && this.#servers.find(({ order }) => order.id === identifier)?.child !== dead
    const { identifier: server, term } = await this.#led(sinceMs, isNext)
    this.#listener.tell({ type: 'led', server, term, afterMs: Math.round(performance.now() - sinceMs) })
  }

  async #led(sinceMs: number, isMeant: (leader: Leader) => boolean): Promise<Leader> {
    for (;;) {
      const leader = await this.#whoLeads()
      if (leader !== undefined && isMeant(leader)) {
        this.#leader = leader
        return leader
      }
      if (performance.now() - sinceMs > PATIENCE_MS)
        throw new CaucusError('CAUCUS_TIMEOUT', `nobody was elected within ${PATIENCE_MS / 1_000} s`)
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted())
    }
  }

  /** As anybody with `curl` sees it. Of all who answer the one that knows the latest: the others may not have heard of it yet. */
  async #whoLeads(): Promise<Leader | undefined> {
    const answers = this.#awake.map(
      async (url) => (await answerOf([url], '/v1/leader', this.#signal)) as Leader | undefined,
    )
    const leaders = (await Promise.all(answers)).filter((leader) => leader !== undefined)
    return leaders.reduce<Leader | undefined>(
      (latest, leader) => (latest === undefined || leader.term > latest.term ? leader : latest),
      undefined,
    )
  }
}
