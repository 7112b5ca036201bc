/** One number of `/metrics`. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

const numberOf = (text: string): number => {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_all, character: string) => (character === 'n' ? '\n' : character))

/** Reads Prometheus's text format; lines that are none of its numbers are left out. */
export const parseMetrics = (text: string): Sample[] => {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labelled = '', value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const labels = Object.fromEntries(
      [...labelled.matchAll(LABEL)].map(([, key = '', label = '']) => [key, unescaped(label)]),
    )
    samples.push({ name, labels, value: numberOf(value) })
  }
  return samples
}

/** All numbers of one name together; 0 where there is none. */
export const sumOf = (samples: readonly Sample[], name: string): number =>
  samples.reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0)

/** What one chart shows. */
export interface Measure {
  readonly title: string
  readonly unit: string
  readonly name: string
  /** How fast a counter rises, each second, and not how high it is. */
  readonly isRate: boolean
  readonly scale?: number
}

export const MEASURES: readonly Measure[] = [
  { title: 'Members of all groups', unit: '', name: 'caucus_members', isRate: false },
  { title: 'Events', unit: 'per second', name: 'caucus_events_total', isRate: true },
  { title: 'Renewals over HTTP', unit: 'per second', name: 'caucus_renewals_total', isRate: true },
  { title: 'Messages received', unit: 'per second', name: 'caucus_coordinator_received_total', isRate: true },
  { title: 'Asks', unit: 'per second', name: 'caucus_asks_total', isRate: true },
  { title: 'Requests with producers', unit: '', name: 'caucus_topic_requests', isRate: false },
  { title: 'Open connections', unit: '', name: 'caucus_connections', isRate: false },
  { title: 'Refused requests', unit: 'per second', name: 'caucus_errors_total', isRate: true },
  { title: 'Memory', unit: 'MiB', name: 'caucus_process_resident_bytes', isRate: false, scale: 1 / 1_048_576 },
]

/** The numbers of the last while, each with its time: a bound, and rates of counters. */
export class Series {
  readonly #limit: number
  readonly times: number[] = []
  readonly values: readonly (number | null)[][] = MEASURES.map(() => [])
  #last: { readonly atMs: number; readonly sums: readonly number[] } | undefined

  constructor(limit = 900) {
    this.#limit = limit
  }

  add(atMs: number, samples: readonly Sample[]): void {
    const sums = MEASURES.map(({ name }) => sumOf(samples, name))
    this.times.push(atMs / 1_000)
    for (const [i, measure] of MEASURES.entries()) this.values[i]?.push(this.#valueOf(measure, i, sums, atMs))
    this.#last = { atMs, sums }
    if (this.times.length <= this.#limit) return
    this.times.shift()
    for (const each of this.values) each.shift()
  }

  /** After a time in which nothing could be asked, a line would be a guess. */
  gap(): void {
    this.#last = undefined
  }

  #valueOf({ isRate, scale = 1 }: Measure, i: number, sums: readonly number[], atMs: number): number | null {
    const sum = sums[i] ?? 0
    if (!isRate) return sum * scale
    const before = this.#last?.sums[i]
    // A counter that fell began anew, with another server.
    if (before === undefined || this.#last === undefined || sum < before || atMs <= this.#last.atMs) return null
    return ((sum - before) / (atMs - this.#last.atMs)) * 1_000
  }
}
