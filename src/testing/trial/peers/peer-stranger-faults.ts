import { CaucusError } from '../../../errors.ts'
import type { PeerOptions } from '../../../index.ts'
import { openWebSocket } from '../../../transports/websocket.ts'
import { PEER_PATH, PEER_SUBPROTOCOLS } from '../../../wire/peers/frames.ts'
import { waitFor } from '../wait.ts'
import { anyOf, longMs, type PeerFault, type PeerScene, pause } from './peer-fault.ts'
import { freePorts } from './ports.ts'
import type { FromVoter } from './voter.ts'
import type { VoterProcess } from './voter-process.ts'

const boot = { id: 'a', bootId: 'forged' }
const sender = { ...boot, cluster: 'default', voters: 'x', storeId: 'y' }

/** None of these is a message, however much it looks like one. */
const MALFORMED: readonly (string | Buffer)[] = [
  '',
  '[',
  '{}',
  '[[]]',
  'null',
  Buffer.from([0, 255, 1, 2, 3]),
  '['.repeat(5_000),
  `[${'9'.repeat(400)}]`,
  JSON.stringify([{ type: 'beat', term: 2 ** 53, round: 1, promiseMs: 400, leads: true, generation: 1, sender }]),
  `[{"type":"beat","term":1e308,"round":1,"promiseMs":400,"leads":true,"generation":1,"sender":${JSON.stringify(sender)}}]`,
  `[{"type":"vote","term":NaN,"round":1,"sender":${JSON.stringify(sender)}}]`,
  JSON.stringify([{ type: 'vote', term: -1, round: 1, sender }]),
  JSON.stringify([{ type: 'vote', term: '7', round: 1, sender }]),
  JSON.stringify([{ type: 'voted', term: 1, round: 1, granted: 'true', ownTerm: 1, sender }]),
  JSON.stringify([{ type: 'voted', term: 1, round: 1, granted: 1, ownTerm: 1, sender }]),
  JSON.stringify([{ type: 'acked', term: 1, round: 1, promiseMs: 0, eligible: true, sender }]),
  JSON.stringify([{ type: 'timeoutNow', term: 1, sender: { ...sender, bootId: 'another' } }]),
  JSON.stringify([{ type: 'crown', term: 1, sender }]),
  JSON.stringify([{ type: 'collect', term: 2 ** 53, round: 1, sender }]),
  JSON.stringify([{ type: 'store', round: 1, entry: { term: 1, version: 1 }, sender }]),
  JSON.stringify([{ type: 'stored', round: 1, term: 1, version: 'x', sender }]),
  JSON.stringify([{ type: 'recovered', nonce: 'x', blank: 0, promised: 1, sender }]),
]

/** Says one of these to a voter in somebody's name, on a connection of its own. Resolves with why that has ended. */
const sayOne = (voter: VoterProcess, frame: string | Buffer): Promise<CaucusError> =>
  new Promise((resolve) => {
    const name = voter.id === boot.id ? 'b' : boot.id
    const url = `${voter.url.replace('http', 'ws')}${PEER_PATH}`
    const options = { url, subprotocols: PEER_SUBPROTOCOLS, token: undefined, tls: undefined }
    const socket = openWebSocket(
      { ...options, handshakeTimeoutMs: 60_000 },
      {
        opened: () => {
          socket.send(JSON.stringify([{ type: 'hello', cluster: 'default', ...boot, id: name }]))
          if (typeof frame === 'string') socket.send(frame.replaceAll('"id":"a"', `"id":"${name}"`))
          else socket.sendBytes(frame)
        },
        text: () => undefined,
        bytes: () => undefined,
        heard: () => undefined,
        closed: resolve,
      },
    )
  })

/** Resolves once the voter has ended every connection that said something malformed. Throws when it found nothing wrong with it. */
const sayMalformed = async (voter: VoterProcess): Promise<void> => {
  for (const frame of MALFORMED) {
    const { message } = await sayOne(voter, frame)
    if (!message.includes('CAUCUS_PROTOCOL'))
      throw new CaucusError('CAUCUS_BACKEND', `${voter.who} took ${String(frame).slice(0, 200)}: ${message}`)
  }
}

interface Beside {
  readonly changeOf?: (options: PeerOptions) => Partial<PeerOptions>
  /** What others have to report of it, or it of itself. */
  readonly reported: Partial<FromVoter>
}

/** A process with a voter's identifier on another port, until it was refused, and for a while. */
const beside = async (scene: PeerScene, { changeOf = () => ({}), reported }: Beside): Promise<void> => {
  const { trial, signal } = scene
  const { id } = anyOf(scene, trial.alive)
  const [listen_port = 0] = await freePorts(1)
  const dataDir = trial.isFenced ? trial.house.path(`disk-of-a-stranger-${listen_port}`) : undefined
  const own = { listen_port, ...(dataDir !== undefined && { dataDir }), ...changeOf(trial.optionsOf(id)) }
  const before = new Map(trial.alive.map((voter) => [voter, voter.said.length]))
  const stranger = trial.launchStranger(trial.optionsOf(id, own))
  await stranger.saying({ type: 'listening' }, signal)
  const isReported = () =>
    stranger.heard(reported) !== undefined ||
    trial.alive.some((voter) => voter.heard({ ...reported, peer: id }, before.get(voter)) !== undefined)
  await waitFor(() => `${stranger.who} to be refused; it said: ${stranger.child.output}`, isReported, { signal })
  await pause(scene, longMs(scene))
  await stranger.stop('SIGKILL')
}

const refusal = (because: string): Partial<FromVoter> => ({ type: 'event', event: 'peer.refused', because })

/** Who would be one of them and is not. */
export const PEER_STRANGER_FAULTS: readonly PeerFault[] = [
  {
    name: 'twin',
    newLeaders: 0,
    needs: 'stores',
    run: (scene) => beside(scene, { reported: { type: 'event', event: 'voter.refused' } }),
  },
  {
    name: 'another-cluster',
    newLeaders: 0,
    run: (scene) => beside(scene, { changeOf: () => ({ cluster: 'another' }), reported: refusal('anotherCluster') }),
  },
  {
    name: 'other-voters',
    newLeaders: 0,
    run: (scene) =>
      beside(scene, { changeOf: ({ peers = [] }) => ({ peers: peers.slice(0, 1) }), reported: refusal('otherVoters') }),
  },
  {
    name: 'port-in-use',
    newLeaders: 0,
    run: async (scene) => {
      const { trial, signal } = scene
      const { id } = anyOf(scene, trial.alive)
      const options = trial.optionsOf(id, trial.isFenced ? { dataDir: trial.house.path('disk-of-nobody') } : {})
      const second = trial.launchStranger(options)
      await second.saying({ type: 'failed', code: 'CAUCUS_CONFLICT' }, signal)
      await second.child.ended
    },
  },
  {
    name: 'malformed',
    newLeaders: 0,
    run: async ({ trial }) => {
      for (const voter of trial.alive) await sayMalformed(voter)
    },
  },
]
