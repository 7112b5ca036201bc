import type { FastifyInstance } from 'fastify'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { PeersHosting } from '../../ports/peers.ts'
import { decodeTransferBody } from '../../wire/leadership.ts'
import { PEER_PATH } from '../../wire/peers/frames.ts'
import { VOTERS_GROUP } from '../access/voters.ts'
import { invalid } from '../answers.ts'
import { type PassesOn, passOn } from '../forwarding/hook.ts'
import type { ServerContext } from './context.ts'

/** Who leads, who is there, and another one for it. */
export const leadershipRoutes = (
  app: FastifyInstance,
  { peers, desk, forwarder }: ServerContext & { readonly forwarder: PassesOn },
): void => {
  const voter = (): PeersHosting => {
    if (peers !== undefined) return peers
    throw new CaucusError('CAUCUS_NOT_FOUND', 'no voter runs here')
  }

  app.get('/v1/leader', () => {
    const leader = voter().leader()
    if (leader !== undefined) return leader
    const { quorum, peers: all, waitingFor } = voter().view()
    const waiting = waitingFor.length > 0 ? `; it waits for ${waitingFor.join(', ')}` : ''
    throw new CaucusError(
      'CAUCUS_NO_QUORUM',
      `this peer knows of no leader: ${quorum} of ${all.length} voters have to be there and agree${waiting}`,
      { details: { quorum, voters: all.length, waitingFor } },
    )
  })

  app.get('/v1/peers', () => {
    const leader = voter().leader()
    return { ...voter().view(), ...(leader !== undefined && { leader }) }
  })

  app.get('/v1/peers/history', () => voter().past())

  app.get(PEER_PATH, { exposeHeadRoute: false }, () => {
    throw invalid('this path is for WebSocket alone: other peers open it')
  })

  // Whoever leads hands over, also before it serves anything.
  const leadsHere = () => voter().leader()?.identifier === voter().view().identifier
  const onRequest = passOn(forwarder, leadsHere)
  app.post('/v1/leader/transfer', { onRequest }, async ({ raw, body }) => {
    const asked = decodeTransferBody(typeof body === 'string' ? body : '')
    if (typeof asked === 'string') throw invalid(asked)
    const { identifier } = voter().view()
    const caller = desk.callerOf(raw)
    caller.principal.requireOver(VOTERS_GROUP, identifier, 'transfer')
    const { to } = asked
    const present = voter().leader()
    // Said again by somebody who did not hear the answer.
    if (present !== undefined && present.identifier === to) return present
    try {
      const leader = await voter().transfer(to)
      desk.audit.transferred(caller, to, { outcome: 'done' })
      return leader
    } catch (error) {
      const code = isCaucusError(error) ? { code: error.code } : {}
      desk.audit.transferred(caller, to, { outcome: 'failed', ...code })
      throw error
    }
  })
}
