import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tracked } from '../support/process.mjs'

const program = fileURLToPath(new URL('./members.mjs', import.meta.url))
const PROCESSES = 4
const LIMIT_MS = 60_000

/** So many members of one group in a few processes, a connection each, and by which coordinator each of them was renewed last, by its own word. */
export class Crowd {
  granted = 0
  /** How many were lost, by the reason. */
  lost = {}
  #size
  #renewed = new Map()
  #children
  #gone
  #look = () => {}

  constructor(urls, group, size) {
    this.#size = size
    const each = Math.ceil(size / PROCESSES)
    this.#children = Array.from({ length: PROCESSES }, (_, i) => {
      const count = Math.min(each, size - i * each)
      const child = tracked(fork(program, [urls.join(), group, `member-${i}`, String(count)]))
      child.on('message', ({ id, generation, atMs, lost, because, granted = 0 }) => {
        if (id !== undefined) this.#renewed.set(id, { generation, atMs })
        if (lost !== undefined) this.lost[because] = (this.lost[because] ?? 0) + lost
        this.granted += granted
        this.#look()
      })
      child.once('exit', () => {
        this.#gone = new Error('a process of members ended by itself')
        this.#look()
      })
      return child
    })
  }

  #byLaterThan(generation) {
    return [...this.#renewed.values()].filter((each) => each.generation > generation)
  }

  /** Resolves once a coordinator of a later generation has renewed every member; with the instant at which each first was. */
  async renewed(after = 0) {
    let limit
    try {
      await new Promise((resolve, reject) => {
        const late = () => reject(new Error(`${this.#byLaterThan(after).length} of ${this.#size} members were renewed`))
        limit = setTimeout(late, LIMIT_MS)
        this.#look = () => {
          if (this.#gone !== undefined) reject(this.#gone)
          else if (this.#byLaterThan(after).length === this.#size) resolve()
        }
        this.#look()
      })
    } finally {
      clearTimeout(limit)
      this.#look = () => {}
    }
    return this.#byLaterThan(after).map(({ atMs }) => atMs)
  }

  /** Of the latest coordinator that anybody was renewed by. */
  get generation() {
    return Math.max(...[...this.#renewed.values()].map(({ generation }) => generation))
  }

  end() {
    for (const child of this.#children) {
      child.removeAllListeners('exit')
      child.kill('SIGKILL')
    }
  }
}
