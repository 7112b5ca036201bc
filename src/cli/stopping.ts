import { EXIT } from './errors.ts'

export interface Stop {
  readonly signal: 'SIGTERM' | 'SIGINT'
  readonly exitCode: number
}

/**
 * Ends this process by the signal itself. `process.exit` would wait for whatever a thread of Node is doing, such as reading from a disk
 * that does not answer. Only for when nothing is under way that is worth an orderly end.
 */
export const endAtOnce = ({ signal, exitCode }: Stop): void => {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // The first process of a container is spared by signals that it does not handle.
  process.exit(exitCode)
}

/**
 * Calls `first` at the first SIGTERM or SIGINT and `again` at every later one, until the returned function is called.
 * SIGTERM is how an orderly stop is asked for, so it ends with 0; SIGINT is an interruption.
 */
export const onStop = (first: (stop: Stop) => void, again: (stop: Stop) => void): (() => void) => {
  let count = 0
  const handle = (signal: 'SIGTERM' | 'SIGINT') => () => {
    const stop = { signal, exitCode: signal === 'SIGINT' ? EXIT.interrupted : EXIT.done }
    if (++count === 1) first(stop)
    else again(stop)
  }
  const handlers = { SIGTERM: handle('SIGTERM'), SIGINT: handle('SIGINT') }
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler)
  }
}
