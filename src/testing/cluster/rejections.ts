import { isCaucusError } from '../../errors.ts'
import { faultText } from './bench.ts'
import type { Findings } from './violation.ts'

let open = 0
const emitWarning = process.emitWarning

/** What this package warns of belongs to a simulated process: it stands in the trace, and not on the screen of the real one. */
const quietly = ((warning: string | Error, ...rest: never[]) => {
  if (!isCaucusError(warning)) emitWarning.call(process, warning, ...rest)
}) as typeof process.emitWarning

/** U2: whoever rejects with nobody to hear it would end a real process. Listens for as long as the cluster is there. */
export class Rejections {
  readonly #listener: (reason: unknown) => void
  #closed = false

  constructor(findings: Findings) {
    this.#listener = (reason) => findings.add('U2', undefined, `a rejection that nobody handled: ${faultText(reason)}`)
    process.on('unhandledRejection', this.#listener)
    if (++open === 1) process.emitWarning = quietly
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    process.off('unhandledRejection', this.#listener)
    if (--open === 0) process.emitWarning = emitWarning
  }
}
