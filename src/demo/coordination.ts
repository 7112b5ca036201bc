import type { DemoEvent } from './events.ts'
import type { Picture } from './group.ts'

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
  /** Resolves once nothing of it is left. */
  stop(): Promise<void>
  killAll(): void
}

export type Coordinate = (listener: CoordinationListener, signal: AbortSignal) => Coordination

export interface CoordinationListener {
  tell(event: DemoEvent): void
  /** There is no demo without it. */
  failed(error: unknown): void
}
