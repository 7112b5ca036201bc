import { CaucusError } from '../../errors.ts'
import { longMs, pause, shortMs, type TrialFault } from './fault.ts'
import { waitFor } from './wait.ts'

/** As much as one may write to a file in blocks: nothing, as on a disk that is full. Pipes are not files. */
const DISK_FULL = ['sh', '-c', 'ulimit -f 0; exec "$@"', 'sh']

export const SERVER_FAULTS: readonly TrialFault[] = [
  {
    name: 'server-killed',
    aim: 'server',
    run: async (scene) => {
      await scene.trial.server.kill()
      await pause(scene, shortMs(scene) * 2)
      await scene.trial.server.start()
    },
  },
  {
    name: 'server-stopped',
    aim: 'server',
    run: async ({ trial }) => {
      await trial.server.stop()
      await trial.server.start()
    },
  },
  {
    name: 'server-frozen',
    aim: 'server',
    run: async (scene) => {
      const { child } = scene.trial.server
      child.freeze()
      await pause(scene, longMs(scene))
      child.thaw()
    },
  },
  {
    name: 'server-loop-blocked',
    aim: 'server',
    run: async (scene) => {
      await scene.trial.server.child.stall(longMs(scene), scene.signal)
    },
  },
  {
    name: 'server-disk-full',
    aim: 'server',
    run: async ({ trial, signal }) => {
      await trial.server.kill()
      const child = trial.server.launch({ prefix: DISK_FULL })
      const { code } = await waitFor('a server that cannot write to end', () => child.ending, { signal })
      if (code !== 1)
        throw new CaucusError(
          'CAUCUS_BACKEND',
          `a server that cannot write ended otherwise: ${child.endedTooEarly().message}`,
        )
      await trial.server.start()
    },
  },
]
