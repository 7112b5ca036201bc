/**
 * One thing that happened to one process. A list of them, in order of time, is all that a diagram is drawn from.
 *
 * A message is two events with the same `message`: `send` in the column of its sender and `receive` in that of its receiver (several,
 * if it was doubled), or `lost` instead of `receive`. A send without either is drawn as still under way.
 */
export interface DiagramEvent {
  /** Milliseconds of real time. */
  readonly at: number
  /** Whose column; with a name that has none (`network`, `world`) the event is drawn across all of them. */
  readonly who: string
  /** A word or two: `renew 3`, `crashes`, `granted`. */
  readonly what: string
  /** The rest of the sentence. It is broken over several rows where it is long. */
  readonly detail?: string | undefined
  /** Default: `event`. */
  readonly kind?: 'event' | 'send' | 'receive' | 'lost' | 'fault' | 'violation' | undefined
  readonly message?: number | string | undefined
  /** What its process is from here on: drawn as its lifeline. */
  readonly state?: Lifeline | undefined
}

/** `holds`: it may act on a share. `still`: it is paused or asleep. */
export type Lifeline = 'up' | 'holds' | 'still' | 'down'

/** How large a diagram may be. */
export interface DiagramOptions {
  /** In characters. Default: 120. */
  readonly width?: number
  /** At most so many columns: of more processes only those that the end is about. Default: 6. */
  readonly columns?: number
  /** At most so many events, the last ones. Default: 120. */
  readonly events?: number
}

const LINES: Readonly<Record<Lifeline, string>> = { up: '│', holds: '┃', still: '┊', down: ' ' }
const TIME_WIDTH = 11
const LEGEND = '│ runs  ┃ believes  ┊ stands still  ├ sends  ▶ receives  ╳ lost  ● happens  ! fault'

/** A space-time diagram in text: one column per process, time downwards, arrows where messages arrive, what it was to the right. */
export const diagram = (events: readonly DiagramEvent[], options: DiagramOptions = {}): string => {
  const { width = 120, columns = 6, events: limit = 120 } = options
  const names = chooseColumns(events, columns)
  const drawn = events.filter(({ who, kind }) => names.includes(who) || kind === 'fault' || kind === 'violation')
  const page = new Page(names, width, events)
  const skipped = Math.max(0, drawn.length - limit)
  for (const event of drawn.slice(0, skipped)) page.skip(event)
  if (skipped > 0) page.across(`… ${skipped} events before`)
  for (const event of drawn.slice(skipped)) page.draw(event)
  return page.text()
}

/** In the order of their first appearance; too many: those named at the end, those they heard from, and whoever acted last. */
const chooseColumns = (events: readonly DiagramEvent[], limit: number): string[] => {
  const own = events.filter(
    ({ kind, message, who }) => kind !== 'fault' && (message !== undefined || who !== 'network'),
  )
  const names = [...new Set(own.filter(({ kind }) => kind !== 'violation').map(({ who }) => who))]
  if (names.length <= limit) return names
  const end = events.findLast(({ kind }) => kind === 'violation') ?? events.at(-1)
  const last = (name: string): number => events.findLastIndex(({ who }) => who === name)
  const talked = (name: string): number =>
    own.filter(({ who, message }) => who === name && message !== undefined).length
  const named = (name: string): boolean =>
    end?.who === name || (` ${end?.what} ${end?.detail} `.split(/[\s,;:()'"]+/) ?? []).includes(name)
  const [busiest] = [...names].sort((a, b) => talked(b) - talked(a))
  const rank = (name: string): number => (named(name) ? 2e9 : name === busiest ? 1e9 : last(name))
  const chosen = new Set([...names].sort((a, b) => rank(b) - rank(a)).slice(0, limit))
  return names.filter((name) => chosen.has(name))
}

class Page {
  readonly #names: readonly string[]
  readonly #laneWidth: number
  readonly #textWidth: number
  readonly #state: Lifeline[]
  readonly #senders = new Map<number | string, DiagramEvent>()
  /** Messages of which a later event tells what became of them. */
  readonly #told = new Set<number | string>()
  readonly #rows: string[] = []

  constructor(names: readonly string[], width: number, events: readonly DiagramEvent[]) {
    this.#names = names
    const longest = Math.max(6, ...names.map(({ length }) => length))
    const room = Math.floor((width * 0.6 - TIME_WIDTH) / Math.max(1, names.length))
    this.#laneWidth = Math.max(4, Math.min(longest + 2, room))
    this.#textWidth = Math.max(20, width - TIME_WIDTH - this.#laneWidth * names.length)
    this.#state = names.map(() => 'down')
    for (const { message, kind, who } of events) {
      if (message !== undefined && kind !== 'send' && (kind === 'lost' || names.includes(who))) this.#told.add(message)
    }
    this.#rows.push(LEGEND, '')
    const heads = names.map((name) => short(name, this.#laneWidth - 1).padEnd(this.#laneWidth))
    this.#rows.push(`${'ms'.padStart(TIME_WIDTH - 2)}  ${heads.join('')}`.trimEnd())
  }

  /** Too early to be drawn, but it says who runs. */
  skip(event: DiagramEvent): void {
    if (event.kind === 'send' && event.message !== undefined) this.#senders.set(event.message, event)
    this.#become(event)
  }

  draw(event: DiagramEvent): void {
    const { at, kind = 'event', what, detail, message, who } = event
    const column = this.#names.indexOf(who)
    const text = detail === undefined || detail === '' ? what : `${what}  ${detail}`
    if (kind === 'violation') return this.#violation(at, text)
    const sent = message === undefined ? undefined : this.#senders.get(message)
    if (kind === 'send' && message !== undefined) this.#senders.set(message, event)
    if (kind === 'receive' && sent !== undefined && this.#names.includes(sent.who)) {
      const from = sent.at === at ? '' : `  (sent ${sent.at.toFixed(1)})`
      this.#row(at, this.#arrow(this.#names.indexOf(sent.who), column), text + from)
    } else {
      const underWay = kind === 'send' && (message === undefined || !this.#told.has(message)) ? '  (never arrives)' : ''
      this.#row(at, this.#marked(column, MARKS[kind]), (kind === 'fault' ? `! ${text}` : text) + underWay)
    }
    this.#become(event)
  }

  #become({ who, state }: DiagramEvent): void {
    const column = this.#names.indexOf(who)
    if (column < 0) return
    if (state !== undefined) this.#state[column] = state
    else if (this.#state[column] === 'down') this.#state[column] = 'up'
  }

  #lines(): string[] {
    return this.#state.map((state) => LINES[state].padEnd(this.#laneWidth))
  }

  #marked(column: number, mark: string): string {
    const lines = this.#lines()
    if (column >= 0) lines[column] = mark.padEnd(this.#laneWidth)
    return lines.join('')
  }

  /** From lifeline to lifeline, over all those between. */
  #arrow(from: number, to: number): string {
    if (from === to) return this.#marked(to, '●')
    const cells = [...this.#lines().join('')]
    const [left, right] = [Math.min(from, to), Math.max(from, to)].map((column) => column * this.#laneWidth)
    for (let at = left as number; at <= (right as number); at++) cells[at] = at % this.#laneWidth === 0 ? '┼' : '─'
    cells[from * this.#laneWidth] = from < to ? '├' : '┤'
    cells[to * this.#laneWidth] = from < to ? '▶' : '◀'
    return cells.join('')
  }

  #row(at: number | undefined, lanes: string, text: string): void {
    const [first = '', ...more] = wrap(text, this.#textWidth)
    const time = at === undefined ? '' : at.toFixed(1)
    this.#rows.push(`${time.padStart(TIME_WIDTH - 2)}  ${lanes}${first}`.trimEnd())
    for (const line of more) this.#rows.push(`${' '.repeat(TIME_WIDTH)}${this.#lines().join('')}  ${line}`.trimEnd())
  }

  across(text: string): void {
    this.#row(undefined, this.#lines().join(''), text)
  }

  #violation(at: number, text: string): void {
    const width = TIME_WIDTH + this.#laneWidth * this.#names.length + this.#textWidth
    this.#rows.push('═'.repeat(width))
    for (const [number, line] of wrap(text, width - TIME_WIDTH).entries()) {
      this.#rows.push(`${(number === 0 ? at.toFixed(1) : '').padStart(TIME_WIDTH - 2)}  ${line}`)
    }
    this.#rows.push('═'.repeat(width))
  }

  text(): string {
    return this.#rows.join('\n')
  }
}

const MARKS = { event: '●', send: '├', receive: '▶', lost: '╳', fault: '!', violation: '●' } as const

const short = (name: string, width: number): string => (name.length <= width ? name : `${name.slice(0, width - 1)}…`)

/** Broken at spaces, and inside of a word only where it is longer than half a row; what follows the first row is set in by two. */
const wrap = (text: string, width: number): string[] => {
  const rows: string[] = []
  let rest = text
  for (let room = width; rest.length > room; room = width - 2) {
    const space = rest.lastIndexOf(' ', room)
    const at = space > width / 2 ? space : room
    rows.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return [...rows, rest]
}
