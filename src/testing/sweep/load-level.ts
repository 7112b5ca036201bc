import type { Level, LevelName } from './level.ts'

/** Loads the code of a level only now, so that whoever counts its branches can begin to count before. */
export const loadLevel = async (name: LevelName): Promise<Level> => {
  if (name === 'core') return (await import('./core-level.ts')).coreLevel
  if (name === 'dispatch') return (await import('./dispatch-level.ts')).dispatchLevel
  if (name === 'election') return (await import('../election/level.ts')).electionLevel
  if (name === 'replication') return (await import('../replication/level.ts')).replicationLevel
  if (name === 'peers') return (await import('../peers/level.ts')).peersLevel
  if (name === 'etcd') return (await import('../etcd/level.ts')).etcdLevel
  return (await import('./driver-level.ts')).driverLevel
}
