// A process of its own: it starts the program of `caucus work`, holds the deadline of its lease, and kills its process group by
// its own clock. A wrapper that is killed or stopped cannot let the program outlive its lease.
import { systemClocks } from '../runtime/system-clock.ts'
import type { Order, Report } from './work/orders.ts'
import { Program } from './work/program.ts'
import { remainingMs } from './work/validity.ts'

let program: Program | undefined

const report = (message: Report): void => {
  // Nobody hears it any more: the end of the pipe has its own handler.
  if (process.connected) process.send?.(message, () => undefined)
}

const obey = (order: Order): void => {
  if (order.type === 'run') {
    if (program !== undefined && !program.gone) throw new Error('a program is started only after the last one is gone')
    if (remainingMs(order.validity) <= order.leadMs) {
      report({ type: 'gone', run: order.run, code: null, signal: null, by: 'lease' })
    } else program = new Program(order, systemClocks.holder, report)
    return
  }
  if (program === undefined || program.run !== order.run || program.gone) return
  if (order.type === 'open') program.open()
  else if (order.type === 'extend') program.extend(order.validity)
  else if (order.type === 'stop') program.stop()
  else program.kill()
}

process.on('message', obey)
process.on('disconnect', () => program?.stop())
// Whoever wants this process gone wants the program gone, which must be over first.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    program?.stop()
    if (process.connected) process.disconnect()
  })
}
process.on('uncaughtException', (error) => {
  process.stderr.write(`caucus: the watchdog failed: ${error.stack ?? error}\n`)
  program?.kill()
  if (process.connected) process.disconnect()
  process.exitCode = 1
})
