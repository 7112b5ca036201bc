export { type Listening, listen } from './server/listen.ts'
export { Meter } from './server/meter.ts'
export { DEFAULT_LIMITS, type ListenOptions, type ServerLimits, type ServerLogger } from './server/options.ts'
