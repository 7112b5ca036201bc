import { type Percentiles, percentiles } from './percentiles.ts'
import { usageOf } from './processes.ts'
import type { Trial } from './trial.ts'
import { waitFor } from './wait.ts'

interface Sample {
  readonly pid: number
  readonly atMs: number
  readonly residentBytes: number
  readonly files: number
}

export interface LeakReport {
  /** Server processes, one after the other. */
  readonly servers: number
  /** Of the one that lived longest: at its first sample, and at its last. */
  readonly longest?: {
    readonly minutes: number
    readonly residentMb: readonly [first: number, last: number]
    readonly files: readonly [first: number, last: number]
  }
  readonly residentMb: Percentiles
  readonly files: Percentiles
}

const MB = 1 << 20
/** What a process of a coordinator has open besides its connections: pipes, its loop, its data. */
const OWN_FILES = 48
/** Longer than a server waits for the end of a connection that is dead and does not say so. */
const DRAIN_LIMIT_MS = 45_000

/** What the server has in memory and open, over time. */
export class Leaks {
  readonly #trial: Trial
  readonly #samples: Sample[] = []

  constructor(trial: Trial) {
    this.#trial = trial
  }

  sample(): void {
    const { pid } = this.#trial.server.child
    const usage = usageOf(pid)
    if (usage !== undefined) this.#samples.push({ pid, atMs: performance.now(), ...usage })
  }

  /**
   * Resolves with what is left of connections that are over: nothing, once the server has noticed the end of each. Whoever is there has one
   * link.
   */
  async remaining(withinMs = DRAIN_LIMIT_MS): Promise<string[]> {
    const { players, server } = this.#trial
    const there = players.filter(({ isAtWork }) => isAtWork).length
    let links = Number.NaN
    try {
      await waitFor(
        'the links of those who are gone to end',
        async () => {
          const response = await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(5_000) })
          links = Number(/^caucus_links (\d+)/m.exec(await response.text())?.[1])
          return links === there
        },
        { withinMs, everyMs: 500 },
      )
    } catch (error) {
      return [`the server has ${links} links to ${there} members: ${error instanceof Error ? error.message : error}`]
    }
    const files = usageOf(server.child.pid)?.files ?? 0
    const allowed = OWN_FILES + 2 * there
    return files > allowed ? [`the server has ${files} files and sockets open, for ${there} members`] : []
  }

  report(): LeakReport {
    const pids = [...new Set(this.#samples.map(({ pid }) => pid))]
    const lives = pids.map((pid) => this.#samples.filter((sample) => sample.pid === pid))
    const [longest = []] = lives.sort((a, b) => lifeMs(b) - lifeMs(a))
    const first = longest[0]
    const last = longest.at(-1)
    return {
      servers: pids.length,
      ...(first !== undefined &&
        last !== undefined && {
          longest: {
            minutes: lifeMs(longest) / 60_000,
            residentMb: [Math.round(first.residentBytes / MB), Math.round(last.residentBytes / MB)],
            files: [first.files, last.files],
          },
        }),
      residentMb: percentiles(this.#samples.map(({ residentBytes }) => residentBytes / MB)),
      files: percentiles(this.#samples.map(({ files }) => files)),
    }
  }
}

const lifeMs = (life: readonly Sample[]): number => (life.at(-1)?.atMs ?? 0) - (life[0]?.atMs ?? 0)
