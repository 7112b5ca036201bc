import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CaucusError } from '../../../errors.ts'
import { allDone } from '../fault.ts'
import { anyOf, longMs, minority, type PeerFault, type PeerScene, pause } from './peer-fault.ts'
import type { PeersTrial } from './peers-trial.ts'
import type { VoterProcess } from './voter-process.ts'

const backAfter = async (scene: PeerScene, voters: readonly VoterProcess[], ms: number): Promise<void> => {
  await pause(scene, ms)
  for (const { id } of voters) if (!scene.signal.aborted) scene.trial.launch(id)
}

const killed = async (scene: PeerScene, voters: readonly VoterProcess[], signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL') => {
  await allDone(voters.map((voter) => voter.stop(signal)))
  await backAfter(scene, voters, longMs(scene))
}

const frozen = async (scene: PeerScene, voters: readonly VoterProcess[]) => {
  for (const { child } of voters) child.freeze()
  await pause(scene, longMs(scene))
  for (const { child } of voters) child.thaw()
}

/** One after the other, each once all know a leader again. */
const rolling = async (scene: PeerScene, signal: 'SIGTERM' | 'SIGKILL') => {
  const { trial } = scene
  for (const id of trial.ids) {
    if (scene.signal.aborted) return
    await trial.voter(id).stop(signal)
    trial.launch(id)
    await trial.agreed({ signal: scene.signal })
  }
}

/** The term that is on a voter's disk. */
const termOnDisk = (trial: PeersTrial, id: string): number => {
  const text = readFileSync(join(trial.diskOf(id), 'election.json'), 'utf8')
  return (JSON.parse(text) as { record: { term: number } }).record.term
}

/**
 * Nobody else can write down a vote once the leader is killed, so nobody may lead. A vote that was written down before is one that may
 * count; then there is nothing to be seen.
 */
const diskFull = async (scene: PeerScene): Promise<void> => {
  const { trial, signal } = scene
  const { leader, followers } = await trial.roles(signal)
  await allDone(followers.map((voter) => voter.disk({ full: true }, signal)))
  const { term, token, identifier } = await trial.agreed({ signal })
  const isQuiet = identifier === leader.id && followers.every(({ id }) => termOnDisk(trial, id) <= term)
  await leader.stop('SIGKILL')
  await pause(scene, 2 * trial.timing.electionMaxMs)
  const highest = trial.highestToken
  await allDone(followers.filter(({ child }) => child.isAlive).map((voter) => voter.disk({}, signal)))
  trial.launch(leader.id)
  if (isQuiet && highest > token)
    throw new CaucusError('CAUCUS_BACKEND', `a leader was elected that no voter could write down: token ${highest}`)
}

export const PEER_PROCESS_FAULTS: readonly PeerFault[] = [
  {
    name: 'leader-killed',
    newLeaders: 1,
    run: async (scene) => killed(scene, [(await scene.trial.roles(scene.signal)).leader]),
  },
  {
    name: 'leader-ended',
    newLeaders: 1,
    run: async (scene) => killed(scene, [(await scene.trial.roles(scene.signal)).leader], 'SIGTERM'),
  },
  {
    name: 'leader-killed-and-back',
    newLeaders: 1,
    run: async ({ trial, signal }) => {
      const { leader } = await trial.roles(signal)
      await leader.stop('SIGKILL')
      trial.launch(leader.id)
    },
  },
  {
    name: 'minority-killed',
    newLeaders: 1,
    run: async (scene) => {
      const { leader, followers } = await scene.trial.roles(scene.signal)
      await killed(scene, minority(scene, leader, followers))
    },
  },
  {
    name: 'majority-killed',
    needs: 'stores',
    run: async (scene) => {
      const { leader, followers } = await scene.trial.roles(scene.signal)
      await killed(scene, [leader, ...followers].slice(0, Math.floor(scene.trial.ids.length / 2) + 1))
    },
  },
  {
    name: 'all-killed',
    needs: 'stores',
    run: async (scene) => killed(scene, [...scene.trial.alive]),
  },
  {
    name: 'leader-frozen',
    run: async (scene) => frozen(scene, [(await scene.trial.roles(scene.signal)).leader]),
  },
  {
    name: 'followers-frozen',
    run: async (scene) => {
      const { followers } = await scene.trial.roles(scene.signal)
      await frozen(scene, followers.slice(0, 1 + scene.random.below(followers.length)))
    },
  },
  {
    name: 'all-frozen',
    run: async (scene) => frozen(scene, scene.trial.alive),
  },
  {
    name: 'leader-loop-blocked',
    run: async (scene) => {
      const { leader } = await scene.trial.roles(scene.signal)
      await leader.child.stall(longMs(scene), scene.signal)
    },
  },
  {
    name: 'transfer',
    newLeaders: 1,
    run: async ({ trial, signal }) => {
      const { leader } = await trial.roles(signal)
      leader.child.signal('SIGUSR2')
      await leader.saying({ type: 'transferred' }, signal)
    },
  },
  { name: 'rolling-restart', newLeaders: 'each', run: (scene) => rolling(scene, 'SIGTERM') },
  { name: 'rolling-kill', needs: 'stores', newLeaders: 'each', run: (scene) => rolling(scene, 'SIGKILL') },
  {
    name: 'disk-lost',
    newLeaders: 1,
    needs: 'stores',
    run: async (scene) => {
      const { trial, signal } = scene
      const { id } = anyOf(scene, trial.alive)
      await trial.voter(id).stop('SIGKILL')
      trial.loseDisk(id)
      await trial.launch(id).saying({ type: 'event', event: 'voter.rejoined' }, signal)
    },
  },
  { name: 'disk-full', needs: 'stores', run: diskFull },
  {
    name: 'disk-slow',
    needs: 'stores',
    run: async (scene) => {
      const { trial, random, signal } = scene
      const slow = trial.alive.filter(() => random.below(3) > 0)
      await allDone(slow.map((voter) => voter.disk({ slowMs: trial.timing.electionMaxMs * random.next() }, signal)))
      const { leader } = await trial.roles(signal)
      await leader.stop('SIGKILL')
      await pause(scene, longMs(scene))
      await allDone(slow.filter(({ child }) => child.isAlive).map((voter) => voter.disk({}, signal)))
      trial.launch(leader.id)
    },
  },
]
