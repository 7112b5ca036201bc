import type { DemoEvent } from './events.ts'
import { PARTITIONS } from './results.ts'
import type { Show, Write } from './show.ts'
import { type Paint, plain, Story, seconds } from './story.ts'

interface Row {
  readonly id: string
  state: 'at work' | 'frozen' | 'cut off' | 'leaving'
  partitions: number
  hashed: number
}

/** What is going on now. */
export interface Board {
  readonly done: number
  readonly files: number
  readonly rows: readonly Row[]
  /** What can be pressed. */
  readonly keys?: string
}

const DRAW_EVERY_MS = 100

/** A line per event with the time since the start, for logs and pipes; in a terminal also a picture of the present below them. */
export class Screen implements Show {
  readonly #write: Write
  readonly #paint: Paint
  readonly #size: (() => { columns: number; rows: number }) | undefined
  readonly #story: Story
  readonly #rows = new Map<string, Row>()
  readonly #startedAt = performance.now()
  #done = 0
  #files = 0
  #tenths = 0
  /** How many lines the picture has that stands there, and what is in them. */
  #drawn = 0
  #keys: string | undefined
  #shown = ''
  #timer: NodeJS.Timeout | undefined

  /** With a `size` it is a terminal that understands how to move the cursor. */
  constructor(write: Write, paint: Paint = plain, size?: () => { columns: number; rows: number }) {
    this.#write = write
    this.#paint = paint
    this.#size = size
    this.#story = new Story(paint)
    if (size !== undefined) this.#timer = setInterval(() => this.#draw([]), DRAW_EVERY_MS).unref()
  }

  tell(event: DemoEvent): void {
    this.#follow(event)
    const lines = this.#story.lines(event)
    const isTimed = event.type !== 'started' && event.type !== 'summary'
    // Below the verdict nothing more comes, but where the work goes on.
    if (event.type === 'summary' && this.#keys === undefined) this.end()
    if (lines.length > 0) this.#draw(isTimed ? lines.map((line) => `${this.#time()} ${line}`) : lines)
  }

  hashed(who: string): void {
    const row = this.#rows.get(who)
    if (row !== undefined) row.hashed++
  }

  /** Lines that belong to no event. */
  say(lines: readonly string[]): void {
    this.#draw(lines)
  }

  /** From now on the picture says what can be pressed. */
  showKeys(keys: string): void {
    this.#keys = keys
  }

  end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#clear()
  }

  #time(): string {
    return this.#paint('soft', seconds(performance.now() - this.#startedAt).padStart(7))
  }

  #follow(event: DemoEvent): void {
    if (event.type === 'started') this.#files = event.files
    else if (event.type === 'progress') this.#progress(event.done)
    else if (event.type === 'joined')
      this.#rows.set(event.worker, { id: event.worker, state: 'at work', partitions: 0, hashed: 0 })
    else if (event.type === 'begun') this.#begin(event.files)
    else if (event.type === 'killed' || event.type === 'lost' || event.type === 'left') this.#rows.delete(event.worker)
    else if (event.type === 'cut') this.#setState(event.worker, 'cut off')
    else if (event.type === 'draining') this.#setState(event.worker, 'leaving')
    else if (event.type === 'frozen') this.#setState(event.worker, 'frozen')
    else if (event.type === 'continued' || event.type === 'healed') this.#setState(event.worker, 'at work')
    else if (event.type === 'whole') for (const row of this.#rows.values()) row.partitions = event.shares[row.id] ?? 0
  }

  #begin(files: number): void {
    this.#files = files
    this.#done = 0
    this.#tenths = 0
  }

  #progress(done: number): void {
    this.#done = done
    // In a log, ten times over the whole run.
    const tenths = Math.floor((done * 10) / this.#files)
    if (this.#size !== undefined || tenths <= this.#tenths) return
    this.#tenths = tenths
    this.#draw([`${this.#time()} ${tenths * 10} % of the files are hashed`])
  }

  #setState(id: string, state: Row['state']): void {
    const row = this.#rows.get(id)
    if (row !== undefined) row.state = state
  }

  /** Writes lines above the picture, and the picture anew. */
  #draw(lines: readonly string[]): void {
    const before = lines.map((line) => `${line}\n`).join('')
    if (this.#timer === undefined || this.#size === undefined) {
      if (before !== '') this.#write(before)
      return
    }
    const { columns, rows } = this.#size()
    const board = { done: this.#done, files: this.#files, rows: byId([...this.#rows.values()]) }
    const keys = this.#keys === undefined ? {} : { keys: this.#keys }
    const picture = drawBoard({ ...board, ...keys }, columns, this.#paint).slice(0, Math.max(1, rows - 2))
    const text = picture.map((line) => `${line}\n`).join('')
    if (before === '' && text === this.#shown) return
    this.#write(`${this.#up()}${before}${text}`)
    this.#drawn = picture.length
    this.#shown = text
  }

  #clear(): void {
    if (this.#drawn > 0) this.#write(this.#up())
    this.#drawn = 0
  }

  /** Back to the first line of the picture, with nothing below. */
  #up(): string {
    return this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\r\x1b[J`
  }
}

/** A bar for the whole, and for each worker one for its share: together they are as long as that of the whole. */
export const drawBoard = ({ done, files, rows, keys }: Board, columns: number, paint: Paint): string[] => {
  const width = Math.max(10, Math.min(50, columns - 40))
  const part = files === 0 ? 0 : done / files
  const lines = rows.map(({ id, state, partitions, hashed }) => {
    const share = `${String(partitions).padStart(3)} partitions ${String(hashed).padStart(6)} files`
    const blocks = '█'.repeat(Math.round((partitions / PARTITIONS) * width))
    return cut(
      `  ${id.padEnd(3)} ${share}  ${state === 'frozen' || state === 'cut off' ? paint('bad', state) : paint(state === 'leaving' ? 'soft' : 'good', blocks)}`,
      columns,
    )
  })
  const bar = '█'.repeat(Math.floor(part * width)).padEnd(width, '·')
  return [
    '',
    ...lines,
    cut(`  ${paint('strong', bar)} ${Math.floor(part * 100)} %  ${done} of ${files} files`, columns),
    ...(keys === undefined ? [] : [cut(`  ${paint('soft', keys)}`, columns)]),
  ]
}

/** w2 before w10. */
const byId = (rows: Row[]): Row[] => rows.sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1))

/** A line that wraps would put the cursor elsewhere than where it is thought to be. */
const cut = (line: string, columns: number): string => {
  const visible = line.replace(ESCAPE, '')
  return visible.length < columns ? line : visible.slice(0, Math.max(0, columns - 1))
}

const ESCAPE = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')
