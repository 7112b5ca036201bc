import { timing } from '../../dist/index.js'

/** A renewal as soon as the one before it was answered. */
export const HASTE = { ...timing.wan, leaseMs: 10_000, heartbeatMs: 1 }
/** What one renewal of one membership reads: who coordinates, which etcd it is, its session, its share and the head of its group. */
export const READS = 5
