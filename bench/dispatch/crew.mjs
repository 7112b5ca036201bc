import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Latencies } from '../support/figures.mjs'
import { tracked, usageOf } from '../support/process.mjs'

const RESPONDER_PROCESSES = 2
const CONTENDERS = ['caucus', 'nats', 'direct-ws', 'direct-tcp']

const programOf = (name) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url))

/** Processes of one contender: its server, where it has one, two of responders and one that asks. */
class Crew {
  name
  #contender
  #server
  #responders = []
  #asker

  /** Resolves once everybody has replied to the asker; undefined where the contender's server is not installed. */
  static async of(contender, fanOut) {
    const { name, serve } = await import(`./contenders/${contender}.mjs`)
    const crew = new Crew()
    crew.name = name
    crew.#contender = contender
    if (serve !== undefined) {
      crew.#server = await serve()
      if (crew.#server === undefined) return undefined
    }
    const targets = []
    for (let i = 0; i < RESPONDER_PROCESSES; i++) {
      const [from, to] = [i, i + 1].map((part) => Math.round((part * fanOut) / RESPONDER_PROCESSES))
      const responders = crew.#start('responders', from, to, crew.#server?.url ?? '')
      crew.#responders.push(responders)
      targets.push((await crew.#said(responders)).target)
    }
    crew.#asker = crew.#start('asker', fanOut, JSON.stringify(targets))
    await crew.#said(crew.#asker)
    return crew
  }

  #start(program, ...args) {
    const options = { serialization: 'advanced' }
    return tracked(fork(programOf(program), [this.#contender, ...args.map(String)], options))
  }

  /** The next word of a process, which must not end before it. */
  async #said(child) {
    const ended = new AbortController()
    const onExit = (code) => ended.abort(new Error(`${this.name}: a process ended with ${code}`))
    child.once('exit', onExit)
    try {
      const [word] = await once(child, 'message', { signal: ended.signal })
      return word
    } catch (error) {
      throw ended.signal.reason ?? error
    } finally {
      child.off('exit', onExit)
    }
  }

  #order(order, options) {
    const said = this.#said(this.#asker)
    this.#asker.send({ order, ...options })
    return said
  }

  /** Processor seconds by now, of each part. */
  #busy() {
    const of = (processes) => processes.reduce((sum, { pid }) => sum + (usageOf(pid)?.seconds ?? 0), 0)
    return {
      asker: of([this.#asker]),
      server: of(this.#server ? [this.#server] : []),
      responders: of(this.#responders),
    }
  }

  /** A rate, how long each ask took, and the processor seconds that each part used. */
  async load(options) {
    const before = this.#busy()
    const { asks, seconds, counts } = await this.#order('load', options)
    const after = this.#busy()
    const parts = Object.keys(after).map((part) => [part, after[part] - before[part]])
    return { rate: asks / seconds, latencies: Latencies.from(counts), spent: Object.fromEntries(parts) }
  }

  silence(options) {
    return this.#order('silence', options)
  }

  async stop() {
    for (const child of [this.#asker, ...this.#responders]) if (child?.connected) child.disconnect()
    await this.#server?.stop()
  }
}

/** Crews of all contenders, by their names. `tell` hears which of them is not there. */
export const crewsOf = async (fanOut, tell, contenders = CONTENDERS) => {
  const crews = {}
  for (const contender of contenders) {
    const crew = await Crew.of(contender, fanOut)
    if (crew === undefined) tell(`${contender}: skipped, since its server is not installed (Debian: nats-server)`)
    else crews[crew.name] = crew
  }
  return crews
}
