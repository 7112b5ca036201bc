import type { LineFault } from '../pump.ts'
import { anyOf, longMs, minority, type PeerFault, type PeerScene, pause } from './peer-fault.ts'

/** Kept until it is over, or not even read. */
const silent = (scene: PeerScene): LineFault => anyOf(scene, [{ hold: true }, { unread: true, hold: true }])

/** Some cannot hear others, or neither side the other, for a while. */
const cutOff = async (
  scene: PeerScene,
  some: readonly { readonly id: string }[],
  { says = true, hears = true }: { readonly says?: boolean; readonly hears?: boolean } = {},
): Promise<void> => {
  const { mesh, ids } = scene.trial
  const inside = some.map(({ id }) => id)
  const outside = ids.filter((id) => !inside.includes(id))
  const fault = silent(scene)
  if (!says) mesh.cut({ from: inside, to: outside, fault, oneWay: true })
  if (!hears) mesh.cut({ from: outside, to: inside, fault, oneWay: true })
  await pause(scene, longMs(scene))
  await mesh.heal()
}

const everywhere = async (scene: PeerScene, fault: LineFault): Promise<void> => {
  const { mesh, ids } = scene.trial
  mesh.cut({ from: ids, to: ids, fault })
  await pause(scene, longMs(scene))
  await mesh.heal()
}

/** What happens to the lines between peers. */
export const PEER_LINE_FAULTS: readonly PeerFault[] = [
  {
    name: 'leader-cut-off',
    run: async (scene) =>
      cutOff(scene, [(await scene.trial.roles(scene.signal)).leader], { says: false, hears: false }),
  },
  {
    name: 'leader-unheard',
    run: async (scene) => cutOff(scene, [(await scene.trial.roles(scene.signal)).leader], { says: false }),
  },
  {
    name: 'leader-deaf',
    run: async (scene) => cutOff(scene, [(await scene.trial.roles(scene.signal)).leader], { hears: false }),
  },
  {
    name: 'follower-unheard',
    run: async (scene) =>
      cutOff(scene, [anyOf(scene, (await scene.trial.roles(scene.signal)).followers)], { says: false }),
  },
  {
    name: 'follower-deaf',
    run: async (scene) =>
      cutOff(scene, [anyOf(scene, (await scene.trial.roles(scene.signal)).followers)], { hears: false }),
  },
  {
    name: 'minority-cut-off',
    run: async (scene) => {
      const { leader, followers } = await scene.trial.roles(scene.signal)
      const some = minority(scene, leader, followers)
      await cutOff(scene, some, { says: false, hears: false })
    },
  },
  {
    name: 'leader-refused',
    run: async (scene) => {
      const { leader, followers } = await scene.trial.roles(scene.signal)
      const others = followers.map(({ id }) => id)
      await scene.trial.mesh.sever([leader.id], others, anyOf(scene, ['mute', 'refuse']))
      await pause(scene, longMs(scene))
      await scene.trial.mesh.heal()
    },
  },
  { name: 'everybody-cut-off', run: (scene) => everywhere(scene, silent(scene)) },
  { name: 'lines-delayed', run: (scene) => everywhere(scene, { delayMs: 40 + scene.random.below(300) }) },
  { name: 'lines-throttled', run: (scene) => everywhere(scene, { bytesPerSecond: 4_000 }) },
  { name: 'lines-lossy', run: (scene) => everywhere(scene, { lose: true }) },
  {
    name: 'lines-reset',
    run: async (scene) => {
      for (let cuts = 1 + scene.random.below(4); cuts > 0; cuts--) {
        scene.trial.mesh.reset(anyOf(scene, ['fin', 'rst']))
        await pause(scene, scene.random.below(300))
      }
    },
  },
]
