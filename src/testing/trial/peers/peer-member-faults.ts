import { waitFor } from '../wait.ts'
import { anyOf, longMs, type PeerFault, type PeerScene, pause } from './peer-fault.ts'

/** Before that it knows nothing of a good order to leave in. */
const someMember = async (scene: PeerScene) => {
  const { crew } = scene.trial
  const member = anyOf(scene, crew.atWork)
  await waitFor(`${member.who} to join`, () => member.joined || !member.child.isAlive, { signal: scene.signal })
  return member
}

/** What happens to members, so that what they have moves while peers fail. */
export const PEER_MEMBER_FAULTS: readonly PeerFault[] = [
  {
    name: 'member-killed',
    needs: 'members',
    run: async (scene) => {
      await (await someMember(scene)).stop('SIGKILL')
      scene.trial.crew.start()
    },
  },
  {
    name: 'member-left',
    needs: 'members',
    run: async (scene) => {
      await (await someMember(scene)).stop('SIGTERM')
      scene.trial.crew.start()
    },
  },
  {
    name: 'member-frozen-over-a-failover',
    needs: 'members',
    run: async (scene) => {
      const { trial, signal } = scene
      const { child } = await someMember(scene)
      const { leader } = await trial.roles(signal)
      child.freeze()
      await leader.stop('SIGKILL')
      trial.launch(leader.id)
      // Shorter than its lease: on waking it still has what it had, and nobody else may have been given any of it.
      await trial.agreed({ signal })
      await pause(scene, longMs(scene))
      child.thaw()
    },
  },
  {
    name: 'member-frozen',
    needs: 'members',
    run: async (scene) => {
      const { child } = await someMember(scene)
      child.freeze()
      await pause(scene, 3 * longMs(scene))
      child.thaw()
    },
  },
]
