import { isCaucusError } from '../../errors.ts'
import { faultText } from './bench.ts'
import type { Findings } from './violation.ts'

/** Those that listen. Whose a rejection is cannot be told, so each of them records it. */
const listening = new Set<(reason: unknown) => void>()
const emitWarning = process.emitWarning
const tellAll = (reason: unknown) => {
  for (const listener of listening) listener(reason)
}

/** What this package warns of belongs to a simulated process: it stands in the trace, and not on the screen of the real one. */
const quietly = ((warning: string | Error, ...rest: never[]) => {
  if (!isCaucusError(warning)) emitWarning.call(process, warning, ...rest)
}) as typeof process.emitWarning

/** U2: whoever rejects with nobody to hear it would end a real process. Listens for as long as the cluster is there. */
export class Rejections {
  readonly #listener: (reason: unknown) => void

  constructor(findings: Findings) {
    this.#listener = (reason) => findings.add('U2', undefined, `a rejection that nobody handled: ${faultText(reason)}`)
    if (listening.size === 0) {
      process.on('unhandledRejection', tellAll)
      process.emitWarning = quietly
    }
    listening.add(this.#listener)
  }

  close(): void {
    if (!listening.delete(this.#listener) || listening.size > 0) return
    process.off('unhandledRejection', tellAll)
    process.emitWarning = emitWarning
  }
}
