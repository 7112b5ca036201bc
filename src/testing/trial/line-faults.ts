import { longMs, pause, type TrialFault } from './fault.ts'
import type { LineFault } from './pump.ts'

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

/** What happens to the line between a member and the server. */
export const LINE_FAULTS: readonly TrialFault[] = [
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
