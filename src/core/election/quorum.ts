/** How many of so many voters are more than half. */
export const majorityOf = (voters: number): number => Math.floor(voters / 2) + 1

/** What at least a majority of the voters reach; `values` has one entry for each voter that is known to reach anything. */
export const reachedByMajority = (values: Iterable<number>, voters: number): number =>
  [...values].sort((a, b) => b - a)[majorityOf(voters) - 1] ?? Number.NEGATIVE_INFINITY

/** The votes for one candidate in one round. A voter counts once, however often it answers. */
export class Ballot {
  readonly #votes = new Set<string>()
  readonly #voters: number

  constructor(voters: number) {
    this.#voters = voters
  }

  add(voter: string): void {
    this.#votes.add(voter)
  }

  get won(): boolean {
    return this.#votes.size >= majorityOf(this.#voters)
  }
}
