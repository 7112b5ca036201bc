import { longMs, pause, type Scene, shortMs, type TrialFault } from './fault.ts'
import type { Player } from './player.ts'
import { childrenOf, freeze, signalProcess } from './processes.ts'
import { waitFor } from './wait.ts'

/** Before that it knows nothing of a good order to leave in. */
const joined = ({ signal }: Scene, player: Player): Promise<boolean> =>
  waitFor(`${player.who} to join`, () => player.joined || !player.child.isAlive, { signal })

const replace = async (scene: Scene, gone: Player, waitMs: number): Promise<void> => {
  await pause(scene, waitMs)
  if (!scene.signal.aborted) await scene.trial.start(gone.kind)
}

/** What happens to members of either kind. */
export const PROCESS_FAULTS: readonly TrialFault[] = [
  {
    name: 'killed',
    aim: 'any',
    run: async (scene, target) => {
      await target.stop('SIGKILL')
      await replace(scene, target, shortMs(scene))
    },
  },
  {
    name: 'killed-and-back',
    aim: 'any',
    run: async ({ trial }, target) => {
      await target.stop('SIGKILL')
      await trial.start(target.kind, { id: target.id })
    },
  },
  {
    name: 'frozen',
    aim: 'any',
    run: async (scene, { child }) => {
      child.freeze()
      await pause(scene, longMs(scene))
      child.thaw()
    },
  },
  {
    name: 'loop-blocked',
    aim: 'any',
    run: async (scene, { child }) => {
      await child.stall(longMs(scene), scene.signal)
    },
  },
  {
    name: 'left',
    aim: 'any',
    run: async (scene, target) => {
      await joined(scene, target)
      await target.stop('SIGTERM')
      await replace(scene, target, shortMs(scene))
    },
  },
  {
    name: 'joined-and-left',
    aim: 'nobody',
    run: async (scene) => {
      const guest = await scene.trial.start('worker')
      await joined(scene, guest)
      await pause(scene, scene.random.below(3) * scene.leaseMs)
      await guest.stop('SIGTERM')
    },
  },
  {
    name: 'id-taken',
    aim: 'worker',
    run: async ({ trial, signal }, target) => {
      target.displaced = true
      await trial.start('worker', { id: target.id })
      await waitFor(`${target.who} to notice that its id was taken`, () => target.fenced !== undefined, { signal })
      await target.stop('SIGTERM')
    },
  },
]

/** A program may have ended just now, and its watchdog with it; then there is another pair soon. */
const watchdogOf = ({ signal }: Scene, { who, child }: Player): Promise<number> =>
  waitFor(`the watchdog of ${who}`, () => childrenOf(child.pid)[0], { signal })

/** What happens to what `caucus work` has started. They find it in /proc. */
export const WRAPPER_FAULTS: readonly TrialFault[] = [
  {
    name: 'watchdog-killed',
    aim: 'wrapper',
    run: async (scene, target) => signalProcess(await watchdogOf(scene, target), 'SIGKILL'),
  },
  {
    name: 'watchdog-frozen',
    aim: 'wrapper',
    run: async (scene, target) => {
      const thaw = freeze(await watchdogOf(scene, target))
      await pause(scene, longMs(scene))
      thaw()
    },
  },
  {
    name: 'program-killed',
    aim: 'wrapper',
    run: async ({ signal }, { who, child }) => {
      const programOf = () => childrenOf(child.pid).flatMap(childrenOf)[0]
      signalProcess(await waitFor(`the program of ${who}`, programOf, { signal }), 'SIGKILL')
    },
  },
]
