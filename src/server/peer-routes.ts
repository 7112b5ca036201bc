import type { FastifyInstance } from 'fastify'
import { CaucusError } from '../errors.ts'
import type { PeersHosting } from '../ports/peers.ts'
import { PEER_PATH } from '../wire/peers/frames.ts'
import { invalid } from './answers.ts'
import { servesNoGroups } from './leadership-only.ts'

/** What a server of groups has and a voter has not. */
const ELSEWHERE = ['groups', 'services', 'topics'].flatMap((what) => [`/v1/${what}`, `/v1/${what}/*`])

/** Who leads, and who is there. */
export const peerRoutes = (app: FastifyInstance, peers: PeersHosting): void => {
  app.get('/v1/leader', () => {
    const leader = peers.leader()
    if (leader !== undefined) return leader
    const { quorum, peers: all, waitingFor } = peers.view()
    const waiting = waitingFor.length > 0 ? `; it waits for ${waitingFor.join(', ')}` : ''
    throw new CaucusError(
      'CAUCUS_NO_QUORUM',
      `this peer knows of no leader: ${quorum} of ${all.length} voters have to be there and agree${waiting}`,
      { details: { quorum, voters: all.length, waitingFor } },
    )
  })

  app.get('/v1/peers', () => {
    const leader = peers.leader()
    return { ...peers.view(), ...(leader !== undefined && { leader }) }
  })

  app.get(PEER_PATH, { exposeHeadRoute: false }, () => {
    throw invalid('this path is for WebSocket alone: other peers open it')
  })

  for (const url of [...ELSEWHERE, '/index', '/session']) {
    app.all(url, () => {
      throw servesNoGroups()
    })
  }
}
