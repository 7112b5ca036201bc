import { randomUUID } from 'node:crypto'
import { type BackendFactory, type Caucus, connect } from '../../index.ts'
import type { Contract, ContractFault, ContractRunner, ContractSubject } from './contract.ts'

/** Also the first test of all, which starts the servers, on a machine that is busy with others. */
const TEST_MS = 120_000
/** A subject that never opens fails all tests at once, and not each of them after its own limit. */
const OPEN_MS = 100_000

/** What one test has to itself. */
export interface Stage {
  readonly subject: ContractSubject
  readonly caucus: Caucus
  readonly other: Caucus
  /** One more connection, which is closed with the test. */
  connect(options?: { readonly signal?: AbortSignal; readonly through?: BackendFactory }): Promise<Caucus>
  /** Nobody else uses this name. */
  name(base: string): string
}

/** Tells the runner of a test. `needs`: what must be there to break. `unless`: why it is not asked of this backend. */
export type Tell = (
  name: string,
  body: (stage: Stage) => Promise<void>,
  options?: { readonly needs?: ContractFault; readonly unless?: string | undefined },
) => void

/** One subject for all tests of a contract: opened by the first that runs, closed after the last. */
export class Playhouse {
  readonly #contract: Contract
  #subject: Promise<ContractSubject> | undefined
  #number = 0

  constructor(contract: Contract) {
    this.#contract = contract
  }

  tellerOf({ test }: Pick<ContractRunner, 'test'>, skipped: string | undefined): Tell {
    return (name, body, { needs, unless } = {}) => {
      const reason = skipped ?? unless ?? (needs && this.#contract.lacks?.[needs])
      const options = { timeout: TEST_MS, skip: reason !== undefined }
      if (reason === undefined) test(name, options, () => this.#play(body, needs))
      else {
        this.#say(`${this.#contract.name}: skipped: ${name} (${reason})`)
        test(`${name} (skipped: ${reason})`, options, async () => undefined)
      }
    }
  }

  async close(): Promise<void> {
    // One that could not be opened has failed its tests already, and leaves nothing to close.
    const subject = await this.#subject?.catch(() => undefined)
    await subject?.close()
  }

  #say(sentence: string): void {
    const { say = (text: string) => void process.stderr.write(`${text}\n`) } = this.#contract
    say(sentence)
  }

  async #opened(): Promise<ContractSubject> {
    const opening = this.#contract.open()
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        // One that comes now is nobody's any more.
        opening.then(
          (subject) => subject.close(),
          () => undefined,
        )
        reject(new Error(`the subject did not open within ${OPEN_MS / 1_000} s`))
      }, OPEN_MS)
    })
    try {
      return await Promise.race([opening, tooLate])
    } finally {
      clearTimeout(timer)
    }
  }

  async #play(body: (stage: Stage) => Promise<void>, needs: ContractFault | undefined): Promise<void> {
    this.#subject ??= this.#opened()
    const subject = await this.#subject
    if (needs !== undefined && subject[needs] === undefined) {
      throw new Error(`the subject brings no ${needs}(): bring it, or say in lacks.${needs} why it cannot be had`)
    }
    const suffix = `${++this.#number}-${randomUUID().slice(0, 8)}`
    const connections: Caucus[] = []
    const { topics } = subject
    const open: Stage['connect'] = async ({ through = subject.backend, ...options } = {}) => {
      const caucus = await connect(through, { ...options, ...(topics && { topics }) })
      connections.push(caucus)
      return caucus
    }
    try {
      const [caucus, other] = await Promise.all([open(), open()])
      await body({ subject, caucus, other, connect: open, name: (base) => `${base}-${suffix}` })
    } finally {
      await Promise.all(connections.map((each) => each.close()))
    }
  }
}
