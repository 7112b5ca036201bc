/** What is done in the middle of the work: to workers, or to whoever coordinates them. */
export type Fault = 'kill' | 'join' | 'freeze' | 'failover'

/** How long it takes, about, until the group is whole again: a lease has to run out, twice with a freeze, or nobody has to wait. */
const EXPECTED_MS: Readonly<Record<'servers' | 'elsewhere', Readonly<Record<Fault, number>>>> = {
  servers: { kill: 2_500, join: 500, freeze: 4_500, failover: 1_500 },
  // On etcd a lease is longer, and whoever coordinates has a share itself.
  elsewhere: { kill: 6_000, join: 1_000, freeze: 9_000, failover: 12_000 },
}
/** Undisturbed work before each fault and after the last one. */
export const LULL_MS = 1_000
/** The part of the files that may be handed out before the last fault is over: so that every fault lands in the middle. */
const BEFORE_LAST_FAULT = 0.95

/**
 * The faults in their order: for every worker that is killed a new one joins, and after the first pair one is frozen, and then whoever
 * coordinates killed, where somebody else can take over.
 */
export const faultScript = (kill: number, canFailOver: boolean): Fault[] => {
  const faults: Fault[] = []
  for (let i = 0; i < kill; i++) faults.push('kill', 'join')
  if (kill === 0) faults.push('join')
  faults.splice(kill === 0 ? 1 : 2, 0, 'freeze', ...(canFailOver ? ['failover' as const] : []))
  return faults
}

/** How long the work is to last, so that all faults find some. */
export const spanMs = (faults: readonly Fault[], where: keyof typeof EXPECTED_MS): number =>
  faults.reduce((sum, fault) => sum + EXPECTED_MS[where][fault] + LULL_MS, 2 * LULL_MS)

/** How many of the files (in the order of the list) may have been begun by now: an even pace, whatever their number. */
export const releasedBy = (now: {
  readonly elapsedMs: number
  readonly spanMs: number
  readonly files: number
  readonly faultsOver: boolean
}): number => {
  const part = Math.min(now.elapsedMs / now.spanMs, now.faultsOver ? 1 : BEFORE_LAST_FAULT)
  return Math.floor(now.files * part)
}
