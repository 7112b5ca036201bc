import type { DemoEvent, RoundChecked } from './events.ts'
import { GROUP } from './group.ts'
import { printablePath } from './names.ts'
import { PARTITIONS } from './results.ts'
import type { Summary } from './summary.ts'

export type Paint = (style: 'good' | 'bad' | 'soft' | 'strong', text: string) => string

const CODES = { good: 32, bad: 31, soft: 2, strong: 1 }

export const plain: Paint = (_, text) => text
export const coloured: Paint = (style, text) => `\x1b[${CODES[style]}m${text}\x1b[0m`

const UNREAD_SHOWN = 5

/** Tells the events of a run in sentences for people. */
export class Story {
  readonly #paint: Paint
  #unread = 0
  #page: string | undefined
  #isPageTold = false
  #output: Extract<DemoEvent, { type: 'output' }> | undefined
  #checked: Extract<DemoEvent, { type: 'checked' }> | undefined

  constructor(paint: Paint) {
    this.#paint = paint
  }

  /** The lines for this event; none for what is shown in another way. */
  lines(event: DemoEvent): string[] {
    const paint = this.#paint
    switch (event.type) {
      case 'started':
        return [
          paint('strong', `${event.files} files below ${printablePath(event.dir)}`),
          `They are split by path over ${PARTITIONS} partitions, and the partitions over ${event.workers} workers. Each worker hashes its own.`,
          ...coordinationLines(event.servers),
          'Then some are killed and one is frozen. At the end a checker looks for what was left out and what was done by two.',
          '',
        ]
      case 'listening':
        this.#page ??= event.url
        return [`${event.server} is process ${event.pid}, at ${event.url}`]
      case 'led':
        return [`${paint('good', event.server)} leads in term ${event.term}, after ${event.afterMs} ms`]
      case 'leaderKilled':
        return [
          `${paint('bad', event.server)} killed with -9, which led; every worker is alive, so nothing has to move`,
        ]
      case 'joined':
        return [`${paint('good', event.worker)} joined, process ${event.pid}`]
      case 'killed':
        return [
          `${paint('bad', event.worker)} killed with -9${event.coordinated === true ? ', which coordinated all of them' : ''}; its ${event.partitions} partitions wait until its lease has run out`,
        ]
      case 'frozen':
        return [`${paint('bad', event.worker)} frozen with ${event.partitions} partitions; it does not know that it is`]
      case 'continued':
        return [`${paint('good', event.worker)} continued after ${seconds(event.frozenMs)}`]
      case 'woke':
        return [wokeLine(event)]
      case 'lost':
        return [`${paint('bad', event.worker)} (process ${event.pid}) is gone: ${event.because}`]
      case 'whole':
        return [paint('soft', wholeLine(event)), ...this.#pageLines()]
      case 'cut':
        return [
          `${paint('bad', event.worker)} cut off from every server with ${event.partitions} partitions; it works on until its lease ends`,
        ]
      case 'healed':
        return [`${paint('good', event.worker)} has its way to the servers again after ${seconds(event.cutMs)}`]
      case 'draining':
        return [`${event.worker} is drained: it lets go of its ${event.partitions} partitions, and stops then`]
      case 'left':
        return [`${paint('bad', event.worker)} stopped in good order; a new one comes in its place`]
      case 'deploying':
        return [paint('strong', `Rolling deploy of ${event.workers} workers, one after the other`)]
      case 'deployed':
        return [paint('strong', `Rolling deploy over after ${seconds(event.afterMs)}`)]
      case 'serverKilled':
        return [`${paint('bad', event.server)} killed with -9; it is started again`]
      case 'serverFrozen':
        return [`${paint('bad', event.server)} frozen; it does not know that it is`]
      case 'serverContinued':
        return [`${paint('good', event.server)} continued; it has to find out what it missed`]
      case 'refused':
        return [paint('bad', event.because)]
      case 'begun':
        return [paint('soft', `Round ${event.round}: ${event.files} files, from the first one`)]
      case 'ending':
        return ['Nothing more is begun; what is under way is finished, and checked. Once more ends it at once.']
      case 'round':
        return roundLines(event, paint)
      case 'unread':
        return this.#unreadLines(event)
      case 'checked':
        this.#checked = event
        return []
      case 'summary':
        return [
          ...summaryLines(event, this.#checked, paint),
          ...(this.#output === undefined ? [] : outputLines(this.#output)),
        ]
      case 'output':
        // Said at the end, where whoever wants to check it looks.
        this.#output = event
        return []
      case 'progress':
        return []
    }
  }

  /** Once, as soon as there is something to see. */
  #pageLines(): string[] {
    if (this.#page === undefined || this.#isPageTold) return []
    this.#isPageTold = true
    return [this.#paint('strong', `See it in a browser: ${this.#page}/#/groups/${GROUP}`)]
  }

  #unreadLines({ path, reason }: Extract<DemoEvent, { type: 'unread' }>): string[] {
    this.#unread++
    if (this.#unread > UNREAD_SHOWN + 1) return []
    if (this.#unread > UNREAD_SHOWN) return ['more files could not be hashed; --json names them all']
    return [`not hashed: ${printablePath(path)} ${reason}`]
  }
}

const coordinationLines = (servers: number): string[] => {
  if (servers > 1) return [`${servers} servers vote for one that leads; it is killed, too.`]
  return servers === 0 ? ['One of the workers coordinates all of them, by what lies in etcd; it is killed, too.'] : []
}

type Woke = Extract<DemoEvent, { type: 'woke' }>
type Whole = Extract<DemoEvent, { type: 'whole' }>

const wokeLine = ({ worker, stoodStillMs, before, now }: Woke): string =>
  now === 0
    ? `${worker} noticed that it stood still for ${seconds(stoodStillMs)}: of its ${before} partitions it believes in none, and does nothing`
    : `${worker} stood still for ${seconds(stoodStillMs)}, and still has ${now} of ${before} partitions`

const wholeLine = ({ afterMs, shares, moved, minimumMoves }: Whole): string => {
  const members = Object.entries(shares)
  if (members.length === 0) return `nobody is left in the group (after ${seconds(afterMs)})`
  const list = members.map(([id, partitions]) => `${id} ${partitions}`).join(', ')
  const moves = moved === 0 ? '' : `; ${moved} moved, at least ${minimumMoves} had to`
  return `  whole after ${seconds(afterMs)}: ${list}${moves}`
}

const roundLines = (round: RoundChecked, paint: Paint): string[] => {
  const { ok, files, hashed, overlaps, claims, faults } = round
  const mark = ok ? paint('good', '✓') : paint('bad', '✗')
  const deeds = DEEDS.flatMap((what) => (round[what] === 0 ? [] : [`${round[what]} ${WORDS[what]}`]))
  const despite = deeds.length === 0 ? '' : ` (${deeds.join(', ')})`
  return [
    `${mark} round ${round.round} checked: ${hashed} of ${files} files, each once; ${overlaps} overlaps among ${claims} claims${despite}`,
    ...faults.map((fault) => paint('bad', `  ${fault}`)),
  ]
}

const DEEDS = ['killed', 'frozen', 'cut', 'joined', 'deployed'] as const
const WORDS = { killed: 'killed', frozen: 'frozen', cut: 'cut off', joined: 'added', deployed: 'deployed' }

const MOVED_MORE =
  '  More moved than had to: on a busy machine the leases of workers that live may run out, too. That costs time, and breaks no promise.'

const summaryLines = (
  { files, hashed, missing, duplicates, overlaps, moved, minimumMoves, ok }: Summary,
  checked: Extract<DemoEvent, { type: 'checked' }> | undefined,
  paint: Paint,
): string[] => {
  const mark = (holds: boolean) => (holds ? paint('good', '✓') : paint('bad', '✗'))
  const unread = files - hashed - missing
  const apart = unread === 0 ? '' : `, ${unread} could not be (see above)`
  return [
    '',
    paint('strong', 'The check, from what is on disk:'),
    `${mark(missing === 0)} nothing left out    ${hashed} of ${files} files hashed${apart}, ${missing} missing`,
    `${mark(duplicates === 0)} nothing twice       ${duplicates} duplicates`,
    `${mark(overlaps === 0)} one owner at a time ${overlaps} overlaps among ${checked?.claims ?? 0} claims to ${PARTITIONS} partitions`,
    `${mark(moved <= minimumMoves)} little moved        ${moved} partitions; the theoretical minimum is ${minimumMoves}`,
    ...(ok && moved > minimumMoves ? [paint('soft', MOVED_MORE)] : []),
    ...(checked?.faults ?? []).map((fault) => paint('bad', `  ${fault}`)),
    '',
    `Why the work is idempotent: whoever is killed may have done a thing and not said so, and its next owner does it again`,
    `(this time ${checked?.again ?? 0} files). The result is keyed by path, and of two the one with the later epoch stands.`,
    ...(ok ? [] : ['', paint('bad', 'The check does not hold.')]),
  ]
}

const outputLines = ({ file, dir }: Extract<DemoEvent, { type: 'output' }>): string[] => [
  '',
  `The result, as sha256sum writes it: ${file}`,
  `Check it yourself: (cd ${quoted(dir)} && sha256sum --quiet -c ${quoted(file)})`,
]

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
