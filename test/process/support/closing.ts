import { endAll, type Running } from './processes.ts'
import { waitFor } from './wait.ts'

/** Nobody waits for so long: what takes less ended because of something. */
export const LONG_MS = 600_000

const toClose: (() => unknown)[] = []

/** Is closed after the test, before what was opened earlier. */
export const using = <Opened extends { close(): unknown }>(opened: Opened): Opened => {
  toClose.push(() => opened.close())
  return opened
}

/** Closes all of that, and ends every process. For `afterEach`. */
export const closeAll = async (): Promise<void> => {
  for (let close = toClose.pop(); close !== undefined; close = toClose.pop()) await close()
  await endAll()
}

/** Resolves once the process has said this line. */
export const says = (process: Running, line: string): Promise<true> =>
  waitFor(`it to say ${line}`, () => {
    if (process.ended() !== undefined) throw new Error(`it ended: ${process.stderr()}`)
    return process.stdout().split('\n').includes(line)
  })
