export { openEngine } from './engine.ts'
export type { EngineOptions } from './options.ts'
