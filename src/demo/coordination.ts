import type { DemoEvent } from './events.ts'
import type { Picture } from './group.ts'
import type { Question } from './questions.ts'

/** How a worker reaches what coordinates it. Secrets are named by their files: arguments of a process are there for all to see. */
export type Reach =
  | { readonly type: 'servers'; readonly urls: readonly string[] }
  | ({ readonly type: 'etcd' } & EtcdReach)

export interface EtcdReach {
  readonly endpoints: readonly string[]
  /** Of this run alone. */
  readonly prefix: string
  readonly user?: string
  readonly passwordFile?: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** Who coordinates now, for whoever wants to see what becomes of the others without it. */
export interface Coordinator {
  /** Of a server. Without one it is the worker with that process. */
  readonly id?: string
  readonly pid: number
}

/** One of the demo's own servers. */
export interface ServerState {
  readonly id: string
  readonly pid: number
  readonly state: 'up' | 'frozen' | 'down'
}

/** What can be done to servers of which others take over. Each says what it does in an event. */
export interface ServerFaults {
  kill(id: string): Promise<void>
  freeze(id: string): void
  wake(id: string): void
}

/** What coordinates the workers of a run. */
export interface Coordination {
  /** Known once it has started. */
  readonly reach: Reach
  /** A command that shows the group. */
  readonly look: string
  /** Resolves once workers can join. */
  start(): Promise<void>
  /** The group as it is now; `undefined` when nobody can say. */
  picture(group: string): Promise<Picture | undefined>
  /** `undefined` where nobody is there who could take over. */
  findCoordinator(): Promise<Coordinator | undefined>
  /** Kills the server that leads with -9, and waits until another one does. Absent where a worker coordinates. */
  failOver?(): Promise<void>
  /** As an operator does with a member that is to be stopped; absent where that takes no order. */
  drain?(group: string, member: string): Promise<void>
  /** Of the demo's own. */
  readonly servers?: readonly ServerState[]
  /** Absent where there is nobody who could take over. */
  readonly serverFaults?: ServerFaults | undefined
  /** Resolves once nothing of it is left. */
  stop(): Promise<void>
  killAll(): void
}

export type Coordinate = (listener: CoordinationListener, signal: AbortSignal) => Coordination

export interface CoordinationListener {
  tell(event: DemoEvent): void
  /** There is no demo without it. */
  failed(error: unknown): void
  /** Answers what the page of a server asks the demo. Absent: its page has no buttons. */
  answer?(question: Question): Promise<unknown>
}
