import type { Level, LevelName } from './level.ts'

/** Loads the code of a level only now, so that whoever counts its branches can begin to count before. */
export const loadLevel = async (name: LevelName): Promise<Level> => {
  if (name === 'core') return (await import('./core-level.ts')).coreLevel
  return (await import('./driver-level.ts')).driverLevel
}
