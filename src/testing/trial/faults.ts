import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../core/random.ts'
import { CaucusError } from '../../errors.ts'
import type { LineFault } from './fault-proxy.ts'
import type { Player } from './player.ts'
import { childrenOf, freeze, HAS_PROC, signalProcess } from './processes.ts'
import type { Trial } from './trial.ts'
import { waitFor } from './wait.ts'

/** What a fault is done with. */
export interface Scene {
  readonly trial: Trial
  readonly random: Random
  readonly leaseMs: number
  /** Ends every pause; the fault then heals what it did, as always. */
  readonly signal: AbortSignal
}

/** `nobody`: it needs no target. Two faults at once never have the same one. */
export type Aim = 'worker' | 'wrapper' | 'any' | 'server' | 'nobody'

export interface TrialFault {
  readonly name: string
  readonly aim: Aim
  /** Does it, and resolves once it is undone. A replacement for what was killed has been started then. */
  readonly run: (scene: Scene, target: Player) => Promise<void>
}

const pause = async ({ signal }: Scene, ms: number): Promise<void> => {
  // An end that was asked for is no failure of the pause: what was done is undone all the same.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** Mostly longer than a lease, so that somebody has to take over; else shorter, so that nobody may. */
const longMs = ({ random, leaseMs }: Scene): number =>
  leaseMs * (random.below(3) === 0 ? 0.05 + random.next() * 0.7 : 1.2 + random.next() * 1.3)

/** Around the length of a lease at most. */
const shortMs = ({ random, leaseMs }: Scene): number => leaseMs * random.next() * 1.1

const byLine = (name: string, up: LineFault, down: LineFault): TrialFault => ({
  name,
  aim: 'any',
  run: async (scene, { proxy }) => {
    proxy.set('up', up)
    proxy.set('down', down)
    await pause(scene, longMs(scene))
    await proxy.heal()
  },
})

/** Before that it knows nothing of a good order to leave in. */
const joined = ({ signal }: Scene, player: Player): Promise<boolean> =>
  waitFor(`${player.who} to join`, () => player.joined || !player.child.isAlive, { signal })

const replace = async (scene: Scene, gone: Player, waitMs: number): Promise<void> => {
  await pause(scene, waitMs)
  if (!scene.signal.aborted) await scene.trial.start(gone.kind)
}

const LINE: readonly TrialFault[] = [
  byLine('replies-lost', {}, { lose: true }),
  byLine('requests-lost', { lose: true }, {}),
  byLine('line-delayed', { delayMs: 400 }, { delayMs: 400 }),
  byLine('line-throttled', { bytesPerSecond: 2_000 }, { bytesPerSecond: 2_000 }),
  byLine('requests-held', { hold: true }, {}),
  byLine('replies-held', {}, { hold: true }),
  byLine('requests-unread', { unread: true }, {}),
  byLine('replies-unread', {}, { unread: true }),
  ...(['fin', 'rst'] as const).map(
    (how): TrialFault => ({
      name: `cut-${how}`,
      aim: 'any',
      run: async (scene, { proxy }) => {
        for (let cuts = 1 + scene.random.below(3); cuts > 0; cuts--) {
          proxy.cut(how)
          await pause(scene, scene.random.below(200))
        }
      },
    }),
  ),
  ...(['refuse', 'mute'] as const).map(
    (welcome): TrialFault => ({
      name: `connections-${welcome === 'refuse' ? 'refused' : 'unanswered'}`,
      aim: 'any',
      run: async (scene, { proxy }) => {
        await proxy.welcome(welcome)
        proxy.cut()
        await pause(scene, longMs(scene))
        await proxy.heal()
      },
    }),
  ),
  {
    name: 'everybody-cut-off',
    aim: 'server',
    run: async (scene) => {
      const proxies = scene.trial.players.filter(({ isAtWork }) => isAtWork).map(({ proxy }) => proxy)
      for (const proxy of proxies) for (const direction of ['up', 'down'] as const) proxy.set(direction, { hold: true })
      await pause(scene, longMs(scene))
      for (const proxy of proxies) await proxy.heal()
    },
  },
]

const PROCESS: readonly TrialFault[] = [
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
      const ms = longMs(scene)
      child.stall(ms)
      await pause(scene, ms)
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
      await trial.start('worker', { id: target.id })
      await waitFor(`${target.who} to notice that its id was taken`, () => target.fenced || !target.child.isAlive, {
        signal,
      })
      await target.stop('SIGTERM')
    },
  },
]

const WRAPPER: readonly TrialFault[] = [
  {
    name: 'watchdog-killed',
    aim: 'wrapper',
    run: async (_, { child }) => {
      const [watchdog] = childrenOf(child.pid)
      if (watchdog !== undefined) signalProcess(watchdog, 'SIGKILL')
    },
  },
  {
    name: 'watchdog-frozen',
    aim: 'wrapper',
    run: async (scene, { child }) => {
      const [watchdog] = childrenOf(child.pid)
      if (watchdog === undefined) return
      const thaw = freeze(watchdog)
      await pause(scene, longMs(scene))
      thaw()
    },
  },
  {
    name: 'program-killed',
    aim: 'wrapper',
    run: async (_, { child }) => {
      const [watchdog] = childrenOf(child.pid)
      for (const program of watchdog === undefined ? [] : childrenOf(watchdog)) signalProcess(program, 'SIGKILL')
    },
  },
]

/** As much as one may write to a file in blocks: nothing, as on a disk that is full. Pipes are not files. */
const DISK_FULL = ['sh', '-c', 'ulimit -f 0; exec "$@"', 'sh']

const SERVER: readonly TrialFault[] = [
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
      const ms = longMs(scene)
      scene.trial.server.child.stall(ms)
      await pause(scene, ms)
    },
  },
  {
    name: 'server-disk-full',
    aim: 'server',
    run: async ({ trial }) => {
      await trial.server.kill()
      const child = trial.server.launch({ prefix: DISK_FULL })
      const { code } = await child.ended
      if (code !== 1)
        throw new CaucusError(
          'CAUCUS_BACKEND',
          `a server that cannot write ended otherwise: ${child.endedTooEarly().message}`,
        )
      await trial.server.start()
    },
  },
]

/** Everything that a soak draws from. Those on a watchdog need to find it in /proc. */
export const TRIAL_FAULTS: readonly TrialFault[] = [...LINE, ...PROCESS, ...(HAS_PROC ? WRAPPER : []), ...SERVER]

export const trialFault = (name: string): TrialFault => {
  const fault = TRIAL_FAULTS.find((candidate) => candidate.name === name)
  if (fault !== undefined) return fault
  const names = TRIAL_FAULTS.map((candidate) => candidate.name).join(', ')
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `there is no fault "${name}"; take one of ${names}`)
}
