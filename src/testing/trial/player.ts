import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Child } from './child.ts'
import { FaultProxy } from './fault-proxy.ts'
import type { House } from './house.ts'
import { JOBS } from './things.ts'
import type { FromWorker, WorkerOrder } from './worker.ts'

/** Around the command of a process: what runs it, and its environment. */
export interface Wrapping {
  readonly prefix?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

export interface PlayerOptions extends Wrapping {
  readonly kind: 'worker' | 'wrapper'
  /** The name of the process, which no other one has. */
  readonly who: string
  /** The member's id. */
  readonly id: string
  readonly serverUrl: string
  readonly seed: number
  readonly fence?: number
  readonly timing?: WorkerOrder['timing']
}

/** One process of the trial that takes part in the groups, behind a proxy of its own. */
export class Player {
  readonly kind: 'worker' | 'wrapper'
  readonly who: string
  readonly id: string
  readonly child: Child
  readonly proxy: FaultProxy
  readonly wronged: string[] = []
  /** Why its membership ended by itself, which is final. */
  fenced: string | undefined
  /** Another process is given its id, so that its membership has to end. */
  displaced = false
  joined = false
  /** It was asked to go or was killed: nobody expects it to be there. */
  dismissed = false
  endedMs: number | undefined

  static async start(house: House, options: PlayerOptions): Promise<Player> {
    const proxy = await FaultProxy.start(options.serverUrl)
    return new Player(house, options, proxy)
  }

  private constructor(house: House, options: PlayerOptions, proxy: FaultProxy) {
    const { kind, who, id, prefix = [], env } = options
    this.kind = kind
    this.who = who
    this.id = id
    this.proxy = proxy
    const args = kind === 'worker' ? workerArgs(house, options, proxy.url) : wrapperArgs(house, options, proxy.url)
    const node = [process.execPath, '--import', pathToFileURL(house.module('in-child')).href]
    const command = [...prefix, ...node, ...args] as [string, ...string[]]
    this.child = new Child({ name: who, command, output: house.path(`${who}.log`), ...(env && { env }) })
    // Nobody hears a wrapper say that it has joined; that it has a share is seen.
    this.joined = kind === 'wrapper'
    void this.child.ended.then(() => {
      this.endedMs = performance.now()
    })
    this.child.onMessage((message) => this.#hear(message as FromWorker))
  }

  #hear(message: FromWorker): void {
    if (message.type === 'joined') this.joined = true
    else if (message.type === 'fenced') this.fenced = message.why
    else if (message.type === 'wronged') {
      this.wronged.push(`${this.who} owned ${message.what} and was refused at epoch ${message.epoch}`)
    }
  }

  /** Expected to be a member. */
  get isAtWork(): boolean {
    return this.child.isAlive && !this.dismissed && this.fenced === undefined
  }

  /** How it ended, if nobody had asked it to. */
  get failure(): string | undefined {
    if (this.dismissed || this.displaced) return undefined
    if (this.fenced !== undefined) return `${this.who} is no member any more: ${this.fenced}`
    return this.child.isAlive ? undefined : this.child.endedTooEarly().message
  }

  /** Resolves once it has ended. Throws when it was asked to leave and did not do so in good order. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.dismissed = true
    const { code } = await this.child.stop(signal)
    await this.proxy.close()
    if (signal === 'SIGTERM' && code !== 0) throw this.child.endedTooEarly()
  }
}

const workerArgs = (house: House, { who, id, seed, fence, timing }: PlayerOptions, url: string): string[] => {
  const log = join(house.logs, `${who}.ndjson`)
  const order: WorkerOrder = { who, id, url, log, seed, ...(fence && { fence }), ...(timing && { timing }) }
  return [house.module('worker'), JSON.stringify(order)]
}

const wrapperArgs = (house: House, { who, id }: PlayerOptions, url: string): string[] => [
  ...[house.path('bin/caucus.js'), 'work', '--group', JOBS.group, '--partitions', String(JOBS.partitions)],
  ...['--id', id, '--server', url, '--grace', '300ms', '--log-level', 'debug', '--'],
  ...[process.execPath, house.module('program'), who, join(house.logs, `${who}.ndjson`)],
]
