import { MAX_ID_BYTES } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import type { ServerState } from './coordination.ts'

/** What somebody who watches can have done. Without `who`, the demo chooses. */
export type Deed =
  | { readonly do: 'kill' | 'freeze' | 'wake' | 'cut' | 'heal'; readonly who?: string }
  | { readonly do: 'failover' | 'add' | 'deploy' }

/** What a page shows of the demo. */
export interface DemoState {
  readonly round: number
  readonly done: number
  readonly files: number
  /** How many rounds were checked, all of which held: the demo ends with the first that does not. */
  readonly checked: number
  readonly workers: readonly WorkerState[]
  readonly servers: readonly ServerState[]
  readonly can: { readonly cut: boolean; readonly servers: boolean }
  readonly isDeploying: boolean
  /** The latest sentences, the oldest first. Numbers rise by one. */
  readonly told: readonly { readonly number: number; readonly text: string }[]
}

export interface WorkerState {
  readonly id: string
  readonly pid: number
  readonly state: 'at work' | 'frozen' | 'cut off' | 'leaving'
  readonly partitions: number
}

const WITH_WHO: readonly string[] = ['kill', 'freeze', 'wake', 'cut', 'heal'] satisfies Deed['do'][]
const WITHOUT_WHO: readonly string[] = ['failover', 'add', 'deploy'] satisfies Deed['do'][]

/** What came from outside as a deed, or `CAUCUS_INVALID_ARGUMENT`. */
export const deedOf = (order: unknown): Deed => {
  if (typeof order !== 'object' || order === null || Array.isArray(order))
    throw invalid('an order is an object such as {"do": "kill", "who": "w1"}')
  const { do: what, who, ...others } = order as { do?: unknown; who?: unknown }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw invalid(`an order has no field ${JSON.stringify(unknown.slice(0, 64))}; it has do and who`)
  if (typeof what !== 'string' || !(WITH_WHO.includes(what) || WITHOUT_WHO.includes(what)))
    throw invalid(`"do" is one of ${[...WITH_WHO, ...WITHOUT_WHO].join(', ')}`)
  if (who === undefined) return { do: what } as Deed
  if (WITHOUT_WHO.includes(what)) throw invalid(`${what} is about nobody in particular; leave "who" out`)
  if (typeof who !== 'string' || who.length > MAX_ID_BYTES)
    throw invalid('"who" is the name of a worker or of a server')
  return { do: what, who } as Deed
}

const invalid = (message: string) => new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
