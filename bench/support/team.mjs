import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tracked } from './process.mjs'

const program = fileURLToPath(new URL('./member.mjs', import.meta.url))

/** Member processes of one group, and what each of them holds by its own word. */
export class Team {
  #url
  #group
  #members = new Map()
  #failed
  #look = () => {}

  constructor(url, group) {
    this.#url = url
    this.#group = group
  }

  /** Resolves with the processes once they are connected. They join when they are told to. */
  async add(count) {
    const members = Array.from({ length: count }, () => this.#start(`member-${this.#members.size}`))
    await this.#until(() => members.every((member) => this.#members.get(member).ready))
    return members
  }

  #start(id) {
    const member = tracked(fork(program, [this.#url, this.#group, id]))
    this.#members.set(member, { id })
    member.on('message', (said) => {
      Object.assign(this.#members.get(member), said)
      this.#look()
    })
    member.once('exit', (code) => {
      // A signal is ours.
      if (code > 0) this.#failed = new Error(`${id} ended by itself (${code})`)
      this.#look()
    })
    return member
  }

  idOf(member) {
    return this.#members.get(member).id
  }

  #until(holds) {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        if (this.#failed !== undefined) reject(this.#failed)
        else if (holds()) resolve()
      }
      this.#look()
    })
  }

  /** Resolves once all of these hold a slot of so many; with the instant at which the last of them got it. */
  async hold(members, total) {
    await this.#until(() => members.every((member) => this.#members.get(member).total === total))
    return Math.max(...members.map((member) => Number(this.#members.get(member).atNs) / 1e6))
  }

  end() {
    for (const member of this.#members.keys()) member.kill('SIGKILL')
  }
}

/** The clock by which members report, in milliseconds. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6
