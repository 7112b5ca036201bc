import { sleep } from '../support/figures.mjs'
import { nowMs } from '../support/team.mjs'

/** Longer than any election that is measured. Whoever does not agree by then never will. */
const LIMIT_MS = 60_000

/**
 * Voters of one cluster in processes of their own, whichever program they run, and whom each of them takes for its leader by its own word. What
 * they say comes over a pipe, and counts from its arrival here.
 */
export class Electorate {
  name
  #start
  #voters = new Map()
  #look = () => {}
  #gone

  /**
   * `start(id, told)` starts one, which says `told({ leader, term, self })` whenever it knows another leader, or none (`undefined`); `self`
   * is what it calls itself where that is not its id.
   */
  constructor(name, start) {
    this.name = name
    this.#start = start
  }

  get ids() {
    return [...this.#voters.keys()]
  }

  of(id) {
    return this.#voters.get(id)
  }

  /** Starts it, or starts it again after it was killed. */
  add(id) {
    const voter = { alive: true, self: id, leader: undefined, term: 0, atMs: 0 }
    this.#voters.set(id, voter)
    voter.child = this.#start(id, (said) => {
      if (this.#voters.get(id) !== voter || !voter.alive) return
      Object.assign(voter, said, { atMs: nowMs() })
      this.#look()
    })
    voter.child.once('exit', (code, signal) => {
      if (!voter.alive) return
      voter.alive = false
      this.#gone = new Error(`${this.name}: ${id} ended by itself (${signal ?? code})`)
      this.#look()
    })
  }

  get #alive() {
    return this.ids.filter((id) => this.of(id).alive)
  }

  /** The one whom all who live take for their leader, in a term above `after`. */
  #agreed(after) {
    const [first, ...others] = this.#alive.map((id) => this.of(id))
    const { leader, term } = first
    if (leader === undefined || term <= after) return undefined
    if (!others.every((voter) => voter.leader === leader && voter.term === term)) return undefined
    return this.#alive.find((id) => this.of(id).self === leader)
  }

  /** Resolves once all who live know one leader of a term above `after`; `atMs`: when the last of them came to know it. */
  async agreed(after = 0) {
    let limit
    try {
      return await new Promise((resolve, reject) => {
        limit = setTimeout(() => reject(new Error(`${this.name}: no leader that all know; ${this.#said()}`)), LIMIT_MS)
        this.#look = () => {
          const leader = this.#agreed(after)
          if (this.#gone !== undefined) reject(this.#gone)
          else if (leader !== undefined) resolve(this.#known(leader))
        }
        this.#look()
      })
    } finally {
      clearTimeout(limit)
      this.#look = () => {}
    }
  }

  #known(leader) {
    return { leader, term: this.of(leader).term, atMs: Math.max(...this.#alive.map((id) => this.of(id).atMs)) }
  }

  #said() {
    return this.ids
      .map((id) => {
        const { alive, leader, term } = this.of(id)
        return `${id}: ${alive ? `${leader ?? 'nobody'} in ${term}` : 'gone'}`
      })
      .join(', ')
  }

  /** kill -9, without a word to anybody. Gives the instant just before it. */
  kill(id) {
    const voter = this.of(id)
    voter.alive = false
    const atMs = nowMs()
    voter.child.kill('SIGKILL')
    return atMs
  }

  /**
   * The leader is killed, as often as wanted, and started again each time. How long until all survivors knew the next one; `quietMs`:
   * how long a restarted voter needs until it is one like the others.
   */
  async failovers(times, quietMs, tell) {
    const took = []
    for (let i = 0; i < times; i++) {
      // At a random moment between two heartbeats, as crashes come.
      await sleep(quietMs * (1 + Math.random()))
      const { leader, term } = await this.agreed()
      const killedAt = this.kill(leader)
      took.push((await this.agreed(term)).atMs - killedAt)
      this.add(leader)
      if (i % 5 === 4) tell(`${this.name}: ${i + 1} of ${times}`)
    }
    return took
  }

  /** Ends all of them at once. */
  async stop() {
    const ended = this.ids.map((id) => {
      const { child } = this.of(id)
      if (child.exitCode !== null || child.signalCode !== null) return undefined
      const exit = new Promise((resolve) => child.once('exit', resolve))
      this.kill(id)
      return exit
    })
    await Promise.all(ended)
  }
}
