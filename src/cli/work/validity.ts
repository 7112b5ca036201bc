import { uptime } from 'node:os'
import { type ClockReading, HolderClock, type Instant, type Millis } from '../../core/time.ts'

/**
 * For how long something is valid, in a form that may wait in a pipe: the rest as measured by the sender, and the clocks of this
 * machine at that moment. Whatever delays the message, the reader counts that too.
 */
export interface Validity {
  readonly forMs: Millis
  readonly monotonicMs: number
  readonly wallMs: number
  readonly uptimeMs: number
}

/** Clocks that all processes of this machine share (`performance.now()` starts anew in each). */
export const readSharedClocks = (): ClockReading => ({
  monotonicMs: Number(process.hrtime.bigint()) / 1e6,
  wallMs: Date.now(),
  uptimeMs: () => uptime() * 1_000,
})

/** The clocks are read before the rest is measured: a process that is stopped in between says too little, never too much. */
export const validUntil = (
  until: Instant,
  now: () => Instant,
  reading: ClockReading = readSharedClocks(),
): Validity => {
  const { monotonicMs, wallMs } = reading
  const uptimeMs = reading.uptimeMs()
  return { forMs: until - now(), monotonicMs, wallMs, uptimeMs }
}

/** What is left of it, by the pessimistic clock of a holder: it also counts the time during which the machine slept. */
export const remainingMs = (validity: Validity, reading: ClockReading = readSharedClocks()): Millis => {
  const clock = new HolderClock()
  const { forMs, monotonicMs, wallMs, uptimeMs } = validity
  const sentAt = clock.read({ monotonicMs, wallMs, uptimeMs: () => uptimeMs })
  return forMs - (clock.read(reading) - sentAt)
}
