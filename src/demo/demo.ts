import { join } from 'node:path'
import { check, type Report } from './check.ts'
import type { Coordinator } from './coordination.ts'
import { type Deed, type DemoState, deedOf } from './deeds.ts'
import type { DemoEvent } from './events.ts'
import { Hands } from './hands.ts'
import { Ledger } from './ledger.ts'
import { sumsOf, writeSums } from './output.ts'
import type { Question } from './questions.ts'
import { Recent } from './recent.ts'
import { type Fault, faultScript, LULL_MS, spanMs } from './script.ts'
import type { Show } from './show.ts'
import { type Round, type Stage, writeList } from './stage.ts'
import { faultsOf, type Summary, summaryOf } from './summary.ts'
import { Team } from './team.ts'

const LOOK_EVERY_MS = 50
const FINISH_LIMIT_MS = 2_000
/** How long a round lasts after the first one, whatever the number of files. */
const ROUND_MS = 60_000
/** Of the end: a lease may have to run out before everything that was begun has somebody who does it. */
const CATCH_UP_LIMIT_MS = 15_000

/** Starts the processes, has the work handed out round by round, has things done to the processes, and has each round checked. */
export class Demo {
  readonly #stage: Stage
  readonly #show: Show
  readonly #faults: readonly Fault[]
  readonly #team: Team
  readonly #hands: Hands
  readonly #recent = new Recent()
  #round: Round
  #ledger: Ledger
  #checked = 0
  #isEnding = false

  constructor(stage: Stage, show: Show) {
    this.#stage = stage
    this.#show = show
    this.#faults = faultScript(stage.kill, stage.servers.length !== 1)
    this.#team = new Team(stage, { tell: this.#tell, answer: (question) => this.#answer(question) })
    this.#hands = new Hands(this.#team, this.#tell)
    this.#round = stage.first
    this.#ledger = this.#open(stage.first, spanMs(this.#faults, stage.servers.length > 0 ? 'servers' : 'elsewhere'))
  }

  readonly #tell = (event: DemoEvent): void => {
    this.#recent.tell(event)
    this.#show.tell(event)
  }

  /** Ends what is going on: `run` and `goOn` reject with `reason`. */
  abort(reason: unknown): void {
    this.#team.abort(reason)
  }

  /** The first round, with the faults of the script. Resolves with the outcome of its check; the group stays alive until `stop`. */
  async run(): Promise<Summary> {
    const { dir, workers, servers, first } = this.#stage
    const { files, problems } = first
    this.#tell({ type: 'started', dir, files: files.length, workers, servers: servers.length })
    for (const problem of problems) this.#ledger.report(problem)
    await this.#team.begin(first.folder)
    await this.#team.start()
    this.#ledger.start()
    for (const fault of this.#faults) {
      await this.#team.sleep(LULL_MS)
      await this.#team.suffer(fault)
    }
    this.#ledger.faultsAreOver()
    while (!(this.#ledger.isComplete || this.#ledger.isStuck)) {
      this.#team.throwIfDeserted()
      await this.#team.sleep(LOOK_EVERY_MS)
    }
    await this.#finish()
    const { output } = this.#stage
    const report = await this.#judge(output)
    this.#tell({ type: 'output', file: output, dir })
    const { ok, again, claims, appeared } = report
    this.#tell({ type: 'checked', ok, again, claims, appeared: appeared.length, faults: faultsOf(report) })
    const summary = summaryOf(report, this.#team.counts)
    this.#tell(summary)
    return summary
  }

  /** Goes on with the work, round after round, until `end`. Resolves with whether every check held, that of the last files included. */
  async goOn(): Promise<boolean> {
    const failed = (error: unknown) => this.#team.abort(error)
    this.#team.whole.watch().catch(failed)
    for (let number = 2; ; number++) {
      const ok = await this.#oneMore(number)
      if (!ok || this.#isEnding) return ok
    }
  }

  /** Has the round that is under way cut short, and checked. */
  end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#hands.makeGood()
    this.#tell({ type: 'ending' })
  }

  /** Does what somebody asks for; tells why when it cannot be done. */
  async perform(deed: Deed): Promise<void> {
    try {
      await this.#hands.perform(deed)
    } catch (error) {
      if (this.#team.isOver) return
      this.#tell({ type: 'refused', because: error instanceof Error ? error.message : String(error) })
    }
  }

  /** The same key once more takes it back. */
  toggle(what: 'freeze' | 'cut'): Promise<void> {
    return this.perform(this.#hands.toggle(what))
  }

  /** Resolves once no process is left. */
  async stop(): Promise<void> {
    this.#ledger.stop()
    this.#hands.stop()
    await this.#team.stop()
  }

  /** What somebody can try who sees the group alive. */
  async whatNext(): Promise<string[]> {
    const coordinator = await this.#team.coordination.findCoordinator()
    const [leaver, victim = leaver] = this.#team.atWork.filter(({ child }) => child.pid !== coordinator?.pid)
    const worker = this.#team.atWork.find(({ child }) => child.pid === coordinator?.pid)
    const killIt = coordinator && killLine(coordinator, worker?.id)
    return [
      '',
      'The work goes on, round after round, and each is checked. Press keys (below), or try in another terminal:',
      `  ${this.#team.coordination.look}`,
      ...(killIt === undefined ? [] : [killIt]),
      `  kill ${leaver?.child.pid}        ${leaver?.id} leaves: others take over at once`,
      `  kill -9 ${victim?.child.pid}     ${victim?.id} cannot say so: its lease has to run out first`,
      '',
    ]
  }

  async #oneMore(number: number): Promise<boolean> {
    this.#round = await this.#stage.nextRound(number, this.#team.signal)
    const { folder, files } = this.#round
    await this.#team.begin(folder)
    this.#ledger = this.#open(this.#round, ROUND_MS)
    this.#ledger.faultsAreOver()
    this.#tell({ type: 'begun', round: number, files: files.length })
    this.#ledger.start()
    while (!(this.#ledger.isComplete || this.#ledger.isStuck || this.#isEnding)) {
      if (!this.#team.whole.isSo) this.#ledger.excuse()
      await this.#team.sleep(LOOK_EVERY_MS)
    }
    if (this.#isEnding) await this.#catchUp()
    await this.#finish()
    if (this.#isEnding) this.#shorten()
    const isWhole = this.#ledger.isComplete || this.#ledger.isStuck
    // The list of all checksums is not replaced by that of some.
    const report = await this.#judge(isWhole ? this.#stage.output : join(folder, 'SHA256SUMS'))
    const { ok, hashed, again, claims, overlaps, files: handedOut } = report
    const counts = { overlaps: overlaps.length, claims, again, ...this.#team.counts, faults: faultsOf(report) }
    this.#tell({ type: 'round', round: number, ok, files: handedOut, hashed, ...counts })
    return ok
  }

  #open({ folder, files }: Round, lastsMs: number): Ledger {
    return new Ledger({
      folder,
      files: files.length,
      spanMs: lastsMs,
      release: (released) => this.#team.tellAll({ type: 'release', files: released, folder }),
      tell: this.#tell,
      hashed: (who) => this.#show.hashed(who),
    })
  }

  /** What was begun is finished. */
  async #catchUp(): Promise<void> {
    this.#ledger.handOutNoMore()
    const sinceMs = performance.now()
    while (!this.#ledger.isCaughtUp && performance.now() - sinceMs < CATCH_UP_LIMIT_MS)
      await this.#team.sleep(LOOK_EVERY_MS)
  }

  /** What nobody could finish in time is left out of the list: no promise is about it. */
  #shorten(): void {
    const { files, folder } = this.#round
    const handedOut = files.slice(0, this.#ledger.released)
    writeList(folder, this.#ledger.isCaughtUp ? handedOut : handedOut.filter((path) => this.#ledger.results.has(path)))
  }

  /** No claim is open and no log is written to any more when the check begins. */
  async #finish(): Promise<void> {
    this.#ledger.stop()
    const finished = this.#team.untilAll('finished', FINISH_LIMIT_MS)
    this.#team.tellAll({ type: 'finish' })
    await finished
    this.#ledger.read()
  }

  async #judge(output: string): Promise<Report> {
    const { dir, isOurs } = this.#stage
    await writeSums(output, await sumsOf(dir, this.#ledger.results))
    const report = await check({ folder: this.#round.folder, dir, output, isOurs })
    for (const problem of report.reported) this.#ledger.report(problem)
    this.#checked++
    return report
  }

  /** For a page. */
  async #answer(question: Question): Promise<unknown> {
    if (question.about === 'state') return this.#state()
    await this.#hands.perform(deedOf(question.order))
    return { done: true }
  }

  #state(): DemoState {
    const { servers = [], serverFaults } = this.#team.coordination
    return {
      round: this.#round.number,
      done: this.#ledger.results.size,
      files: this.#round.files.length,
      checked: this.#checked,
      workers: this.#hands.workers,
      servers,
      can: { cut: this.#team.canCut, servers: serverFaults !== undefined },
      isDeploying: this.#hands.isDeploying,
      told: this.#recent.told,
    }
  }
}

const killLine = ({ id = '', pid }: Coordinator, worker: string | undefined) =>
  worker === undefined
    ? `  kill -9 ${pid}     ${id} leads: another one does then, and nothing moves`
    : `  kill -9 ${pid}     ${worker} coordinates, too: another one does then, and only what was its own moves`
