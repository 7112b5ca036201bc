/** Boot ids of everybody who may have held something when the last coordinator stopped in good order, by group. Who is not in it held nothing. */
export type Roll = Readonly<Record<string, readonly string[]>>

/** No process has this boot id. */
export const NOBODY = ''

/** Those of one group who have not said yet what they still hold. */
export class GroupRoll {
  readonly #missing: Set<string> | undefined

  /** Without a list nobody knows who there was. */
  constructor(bootIds: readonly string[] | undefined) {
    this.#missing = bootIds && new Set(bootIds)
  }

  /** Everybody who held something has claimed it, or has said that it holds nothing: what is unclaimed is nobody's. */
  get complete(): boolean {
    return this.#missing?.size === 0
  }

  get missing(): readonly string[] {
    return [...(this.#missing ?? [])]
  }

  answered(bootId: string): void {
    this.#missing?.delete(bootId)
  }
}

/**
 * The roll-call after a start: when everybody has answered, nobody waits for leases that nobody has. Without a roll (the last stop
 * was a crash, or the first start is this one) the ceiling is waited for.
 */
export class RollCall {
  readonly #roll: Roll | undefined
  readonly #groups = new Map<string, GroupRoll>()

  constructor(roll: Roll | undefined) {
    this.#roll = roll
    for (const [name, bootIds] of Object.entries(roll ?? {})) this.#groups.set(name, new GroupRoll(bootIds))
  }

  of(group: string): GroupRoll {
    // Not kept: names of groups come from outside, and one that is not in the roll has nobody to wait for.
    return this.#groups.get(group) ?? new GroupRoll(this.#roll && [])
  }

  /** Who has not answered yet, by group; `undefined` when nobody knows who there was. */
  get missing(): Roll | undefined {
    if (this.#roll === undefined) return undefined
    return Object.fromEntries([...this.#groups].map(([name, { missing }]) => [name, missing]))
  }
}
