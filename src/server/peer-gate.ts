import type { IncomingMessage } from 'node:http'
import { CaucusError } from '../errors.ts'
import { PEER_PATH, PEER_SUBPROTOCOLS } from '../wire/peers/frames.ts'
import type { Desk } from './access/desk.ts'
import { invalid } from './answers.ts'
import { servesNoGroups } from './leadership-only.ts'

/** What an entry's `groups` has to cover for whoever may be a voter; its `members` are the voters that it may be. */
export const VOTERS_GROUP = 'cluster/voters'

/** What is wrong with a request for a connection between peers, before anybody asks who is there. */
export const peerFault = ({ url = '', method, headers }: IncomingMessage): CaucusError | undefined => {
  if (url.split('?')[0] !== PEER_PATH) return servesNoGroups()
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket')
    return invalid('a connection between peers is opened by GET with Upgrade: websocket')
  if (peerProtocolOf(offeredIn(headers['sec-websocket-protocol'])) !== undefined) return undefined
  const spoken = PEER_SUBPROTOCOLS.join(', ')
  return new CaucusError('CAUCUS_PROTOCOL', `this peer speaks ${spoken}: offer it as a subprotocol`, {
    details: { spoken: PEER_SUBPROTOCOLS },
  })
}

/** The newest that both sides speak. */
export const peerProtocolOf = (offered: ReadonlySet<string>): string | undefined =>
  PEER_SUBPROTOCOLS.find((each) => offered.has(each))

const offeredIn = (header = ''): ReadonlySet<string> => new Set(header.split(',').map((each) => each.trim()))

/** Why whoever made this request may not be a voter, asked as often as one likes: entries change. `undefined`: it may. */
export const voterGate = (desk: Desk, request: IncomingMessage): ((voter: string) => CaucusError | undefined) => {
  const { principal: asked, shown } = desk.callerOf(request)
  const { access } = desk
  return (voter) => {
    const principal = access.principalOf(shown)
    if (principal?.in(VOTERS_GROUP).evicts(voter) === true) return undefined
    const who = JSON.stringify(asked.name)
    const what = `${who} may not be the voter ${JSON.stringify(voter)}`
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${what}: that takes an entry with the role admin that covers the group ${VOTERS_GROUP} and, where it lists members, this voter`,
      { details: { identity: asked.name, voter } },
    )
  }
}
