import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../core/random.ts'
import { type Break, House } from '../trial/house.ts'
import { HAS_PROC } from '../trial/processes.ts'
import { type Api, describedApi } from './api.ts'
import { Canaries } from './canaries.ts'
import { LAYERS, type Layer, type Setting } from './case.ts'
import { CASES } from './cases.ts'
import { FuzzedServer, type Level } from './server.ts'
import { type Mode, World } from './world.ts'

export interface FuzzOptions {
  readonly seed: number
  /** About how many in all. */
  readonly inputs: number
  readonly modes?: readonly Mode[]
  readonly layers?: readonly Layer[]
  /** This case alone. */
  readonly only?: { readonly layer: Layer; readonly place: number }
  /** Rules of the built code to break: a fuzzer that finds nothing then is worth nothing. */
  readonly broken?: readonly Break[]
  /** How long what is over may take to be gone. Default: 45 s, in which a server asks three times whether a client is there. */
  readonly quietMs?: number
  readonly signal?: AbortSignal
  readonly tell?: (line: string) => void
}

/** What one layer has taken in one mode. */
export interface LayerCount {
  readonly mode: Mode
  readonly layer: Layer
  readonly cases: number
  readonly inputs: number
  readonly seconds: number
}

export interface FuzzReport {
  readonly ok: boolean
  readonly seed: number
  readonly inputs: number
  readonly interrupted: boolean
  readonly layers: readonly LayerCount[]
  /** How often the canaries have compared what they have with what they had. */
  readonly looks: number
  /** Of each server, before the first input and after the last, once all was quiet. */
  readonly levels: readonly { readonly mode: Mode; readonly before: Level; readonly after: Level }[]
  readonly findings: readonly string[]
  /** Where the logs are, if something was found. */
  readonly logs?: string
}

/** Of a hundred inputs. Those through real sockets are the larger part. */
const SHARES: Readonly<Record<Layer, number>> = { decode: 20, coordinator: 10, http: 40, link: 25, raw: 5 }
const AT_ONCE: Readonly<Record<Layer, number>> = { decode: 1, coordinator: 1, http: 12, link: 8, raw: 16 }
/** Not the address of the canaries, so that no rate limit of theirs is used up. Other systems than Linux have none to spare. */
const ADDRESSES = HAS_PROC ? ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'] : [undefined]
/** What a server may have more than before once all is quiet: the events that it keeps, code that was compiled, caches with a bound. */
const ALLOWED_BYTES = 48 * 2 ** 20
const ALLOWED_FILES = 4

/** Fuzzes a server with tokens and one without. Resolves with what was found; rejects when it cannot begin. */
export const fuzz = async (options: FuzzOptions): Promise<FuzzReport> => {
  const house = new House(options.broken)
  const run = new Fuzzing(options, house)
  let isOk = false
  try {
    for (const mode of options.modes ?? ['closed', 'open']) await run.mode(mode)
    const report = run.report()
    isOk = report.ok
    return report
  } finally {
    if (isOk) house.remove()
  }
}

class Fuzzing {
  readonly #options: FuzzOptions
  readonly #house: House
  readonly #api: Api = describedApi()
  readonly #counts: LayerCount[] = []
  readonly #levels: { mode: Mode; before: Level; after: Level }[] = []
  readonly #findings: string[] = []
  #looks = 0

  constructor(options: FuzzOptions, house: House) {
    this.#options = options
    this.#house = house
  }

  get #isOver(): boolean {
    return this.#findings.length > 0 || this.#options.signal?.aborted === true
  }

  /** One server from its start to its end. */
  async mode(mode: Mode): Promise<void> {
    if (this.#isOver) return
    const { tell = () => undefined } = this.#options
    const server = await FuzzedServer.start(this.#house, mode)
    let canaries: Canaries | undefined
    try {
      const watched = await Canaries.start(this.#house, server.url, mode)
      canaries = watched
      const before = await server.idle()
      const watch = () => this.#note([...server.faults(), ...watched.faults()])
      for (const layer of this.#options.layers ?? LAYERS) {
        if (this.#isOver) break
        const count = await this.#layer(layer, mode, server, watch)
        this.#counts.push(count)
        tell(
          `${mode} ${layer}: ${count.inputs} inputs in ${count.cases} cases, ${Math.round(count.inputs / count.seconds)}/s`,
        )
      }
      watch()
      if (this.#findings.length === 0) await this.#settle(mode, server, watched, before)
      watch()
      if (this.#findings.length === 0) await server.stop()
    } catch (error) {
      this.#note([error instanceof Error ? error.message : String(error)])
    } finally {
      await canaries?.stop()
      await server.kill()
    }
  }

  #note(findings: readonly string[]): void {
    for (const finding of findings) if (!this.#findings.includes(finding)) this.#findings.push(finding)
  }

  async #layer(layer: Layer, mode: Mode, server: FuzzedServer, watch: () => void): Promise<LayerCount> {
    const { seed, inputs, layers = LAYERS, modes = ['closed', 'open'], only } = this.#options
    const run = CASES[layer]
    const all = layers.reduce((sum, each) => sum + SHARES[each], 0)
    const wanted = only === undefined ? (inputs * SHARES[layer]) / all / modes.length : 1
    const random = seededRandom(seed).fork(`${mode} ${layer}`)
    const world = new World(mode)
    const { target } = server
    const startedMs = performance.now()
    let taken = 0
    let cases = 0
    const work = async () => {
      while (taken < wanted && !this.#isOver) {
        const place = only?.place ?? cases
        cases++
        const setting: Setting = {
          random: random.fork(String(place)),
          api: this.#api,
          world,
          target,
          from: ADDRESSES[place % ADDRESSES.length],
        }
        const { inputs: more, fault, sent = [] } = await run(setting)
        taken += more
        if (fault !== undefined) this.#note([found(seed, mode, layer, place, fault, sent)])
        if (only !== undefined) break
      }
    }
    const watching = setInterval(watch, 250)
    try {
      await Promise.all(Array.from({ length: only === undefined ? AT_ONCE[layer] : 1 }, work))
    } finally {
      clearInterval(watching)
    }
    // Whatever has ended a server takes a moment to do so.
    if (this.#findings.length > 0) await sleep(200)
    return { mode, layer, cases, inputs: taken, seconds: (performance.now() - startedMs) / 1_000 }
  }

  /** After the last input: nobody has noticed anything, and nothing is left. */
  async #settle(mode: Mode, server: FuzzedServer, canaries: Canaries, before: Level): Promise<void> {
    this.#looks += await canaries.compare()
    const after = await server.idle(before, this.#options.quietMs)
    this.#levels.push({ mode, before, after })
    const { heapBytes, files, links, streams, onTopics } = after
    const grownBytes = heapBytes - before.heapBytes
    if (grownBytes > ALLOWED_BYTES)
      this.#note([`the server keeps ${Math.round(grownBytes / 2 ** 20)} MiB more than before`])
    if (files > before.files + ALLOWED_FILES)
      this.#note([`the server has ${files} files open, and had ${before.files}`])
    if (links !== before.links) this.#note([`the server has ${links} links, and had ${before.links}`])
    // A canary that is missing is noticed by the others, who ask all of them.
    if (onTopics > before.onTopics)
      this.#note([`the server has ${onTopics} producers, asks and the like on topics, and had ${before.onTopics}`])
    if (streams !== before.streams)
      this.#note([`the server has ${streams} readers of events, and had ${before.streams}`])
  }

  report(): FuzzReport {
    const { seed, signal } = this.#options
    const ok = this.#findings.length === 0
    return {
      ok,
      seed,
      inputs: this.#counts.reduce((sum, { inputs }) => sum + inputs, 0),
      interrupted: signal?.aborted === true,
      layers: this.#counts,
      looks: this.#looks,
      levels: this.#levels,
      findings: this.#findings,
      ...(!ok && { logs: this.#house.folder }),
    }
  }
}

const found = (seed: number, mode: Mode, layer: Layer, place: number, fault: string, sent: readonly string[]): string =>
  [
    `${fault}`,
    `once more: node scripts/fuzz.mjs --seed ${seed} --only ${mode}/${layer}/${place}`,
    'sent last:',
    ...sent.map((each) => `  ${each}`),
  ].join('\n')
