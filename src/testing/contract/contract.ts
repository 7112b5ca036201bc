import type { BackendFactory, Guarantees } from '../../index.ts'
import type { TopicsFactory } from '../../ports/topics-factory.ts'

/**
 * The functions of a test runner that the contract is told with. Vitest's fit as they are; of `node:test`, give `after` as `afterAll`.
 * Each test says for itself how long it may take.
 */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly test: (
    name: string,
    options: { readonly timeout: number; readonly skip: boolean },
    body: () => Promise<void>,
  ) => unknown
  readonly afterAll: (body: () => Promise<void>) => unknown
}

export const CONTRACT_PARTS = [
  'guarantees',
  'groups',
  'elections',
  'once',
  'registry',
  'topics',
  'values',
  'faults',
] as const

/** What the contract is made of. `values`: bytes, checked values and streams on topics. */
export type ContractPart = (typeof CONTRACT_PARTS)[number]

export const CONTRACT_FAULTS = ['crashCoordinator', 'cutOff', 'stopServers', 'isolate'] as const

/** What a subject knows how to break. */
export type ContractFault = (typeof CONTRACT_FAULTS)[number]

/** A way to the cluster that can be cut, as a cable is: nobody is told, and what was sent is lost. */
export interface CuttableLine {
  readonly backend: BackendFactory
  /** Cuts the line: nothing passes either way, and nobody is told. */
  cut(): Promise<void> | void
  /** Makes it whole again. */
  heal(): Promise<void> | void
}

/**
 * A running cluster, held to the contract. All tests share one, each with names of its own; the faults come last.
 * What it brings to break it is optional; `lacks` says why when it does not.
 */
export interface ContractSubject {
  /** Each call is another process of the same cluster, as far as the cluster can tell. */
  readonly backend: BackendFactory
  /** Where topics go another way than the rest: `connect(backend, { topics })`. */
  readonly topics?: TopicsFactory
  /** Ends what `open()` began. Resolves once no process, socket or timer of it is left. */
  close(): Promise<void>
  /** Ends what coordinates as a crash does. Resolves once it is gone; what coordinates next comes by itself, or is started by this. */
  crashCoordinator?(): Promise<void>
  /** One more way to the cluster, which is the subject's to close. */
  cutOff?(): Promise<CuttableLine>
  /** Ends every server as a crash does. Gives what starts them again, with all that they had stored. */
  stopServers?(): Promise<() => Promise<void>>
  /** Cuts the machine that coordinates off from the other machines, not from its clients. Gives what mends that. */
  isolate?(): Promise<() => Promise<void>>
}

/** What a backend is held to. */
export interface Contract {
  /** As it reads after "on": `etcd()`. */
  readonly name: string
  /** What it says of itself; the contract then holds it to that. */
  readonly guarantees: Guarantees
  /** Called once, by the first test. Resolves once its members can join and are settled within seconds. */
  open(): Promise<ContractSubject>
  /** The longest lease that anybody holds there. Default: 1 000. */
  readonly leaseMs?: number
  /** Why some of it is not asked: it is skipped, and the reason is said aloud. Whatever is not named here has to be there. */
  readonly lacks?: Readonly<Partial<Record<ContractPart | ContractFault, string>>>
  /** Only these parts, for what is only a part of a backend. Default: all. */
  readonly parts?: readonly ContractPart[]
  /** Hears why something is skipped. Default: standard error. */
  readonly say?: (sentence: string) => void
}
