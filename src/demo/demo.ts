import { check } from './check.ts'
import { Ledger } from './ledger.ts'
import { sumsOf, writeSums } from './output.ts'
import { type Fault, faultScript, LULL_MS, spanMs } from './script.ts'
import type { Show } from './show.ts'
import type { Stage } from './stage.ts'
import { faultsOf, type Summary, summaryOf } from './summary.ts'
import { Team } from './team.ts'

const LOOK_EVERY_MS = 50
const FINISH_LIMIT_MS = 2_000

/** One run: starts the processes, has the work handed out, has the faults done, waits for the end of the work, and has it checked. */
export class Demo {
  readonly #stage: Stage
  readonly #show: Show
  readonly #faults: readonly Fault[]
  readonly #team: Team
  readonly #ledger: Ledger

  constructor(stage: Stage, show: Show) {
    this.#stage = stage
    this.#show = show
    this.#faults = faultScript(stage.kill, stage.servers.length !== 1)
    const team = new Team(stage, (event) => show.tell(event))
    this.#team = team
    this.#ledger = new Ledger({
      folder: stage.folder,
      files: stage.files.length,
      spanMs: spanMs(this.#faults, stage.servers.length > 0 ? 'servers' : 'elsewhere'),
      release: (files) => team.tellAll({ type: 'release', files }),
      tell: (event) => show.tell(event),
      hashed: (who) => show.hashed(who),
    })
  }

  /** Ends what is going on: `run` and `stay` reject with `reason`. */
  abort(reason: unknown): void {
    this.#team.abort(reason)
  }

  /** Resolves with the outcome of the check. The group stays alive until `stop`. */
  async run(): Promise<Summary> {
    const { dir, files, problems, workers, servers } = this.#stage
    this.#show.tell({ type: 'started', dir, files: files.length, workers, servers: servers.length })
    for (const problem of problems) this.#ledger.report(problem)
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
    return await this.#judge()
  }

  /** Keeps the group up and tells what becomes of it, until it is aborted. */
  async stay(): Promise<never> {
    return await this.#team.watch()
  }

  /** Resolves once no process is left. */
  async stop(): Promise<void> {
    this.#ledger.stop()
    await this.#team.stop()
  }

  /** What somebody can try who sees the group alive. */
  async whatNext(): Promise<string[]> {
    const coordinator = await this.#team.findCoordinator()
    const [leaver, victim = leaver] = this.#team.atWork.filter(({ child }) => child.pid !== coordinator?.pid)
    const killIt = coordinator && killLine(coordinator)
    return [
      '',
      'The group is still up. Try, in another terminal:',
      `  ${this.#team.look}`,
      ...(killIt === undefined ? [] : [killIt]),
      `  kill ${leaver?.child.pid}        ${leaver?.id} leaves: others take over at once`,
      `  kill -9 ${victim?.child.pid}     ${victim?.id} cannot say so: its lease has to run out first`,
      'Ctrl-C ends all of it.',
      '',
    ]
  }

  /** No claim is open and no log is written to any more when the check begins. */
  async #finish(): Promise<void> {
    this.#ledger.stop()
    const finished = this.#team.untilAll('finished', FINISH_LIMIT_MS)
    this.#team.tellAll({ type: 'finish' })
    await finished
    this.#ledger.read()
  }

  async #judge(): Promise<Summary> {
    const { folder, dir, output, isOurs } = this.#stage
    await writeSums(output, await sumsOf(dir, this.#ledger.results))
    this.#show.tell({ type: 'output', file: output, dir })
    const report = await check({ folder, dir, output, isOurs })
    for (const problem of report.reported) this.#ledger.report(problem)
    const { ok, again, claims, appeared } = report
    this.#show.tell({ type: 'checked', ok, again, claims, appeared: appeared.length, faults: faultsOf(report) })
    const summary = summaryOf(report, this.#team.counts)
    this.#show.tell(summary)
    return summary
  }
}

const killLine = ({ id, pid, isWorker }: { readonly id: string; readonly pid: number; readonly isWorker: boolean }) =>
  isWorker
    ? `  kill -9 ${pid}     ${id} coordinates, too: another one does then, and only what was its own moves`
    : `  kill -9 ${pid}     ${id} leads: another one does then, and nothing moves`
