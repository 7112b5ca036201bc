import type { IncomingMessage } from 'node:http'
import { CaucusError } from '../errors.ts'
import type { ObserverGate } from '../ports/peers.ts'
import { PEER_PATH, PEER_SUBPROTOCOLS } from '../wire/peers/frames.ts'
import type { Desk } from './access/desk.ts'
import { OBSERVERS_GROUP, VOTERS_GROUP } from './access/voters.ts'
import { invalid } from './answers.ts'

/** What is wrong with a request for a connection between peers, before anybody asks who is there. */
export const peerFault = ({ method, headers }: IncomingMessage): CaucusError | undefined => {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket')
    return invalid('a connection between peers is opened by GET with Upgrade: websocket')
  if (peerProtocolOf(offeredIn(headers['sec-websocket-protocol'])) !== undefined) return undefined
  const spoken = PEER_SUBPROTOCOLS.join(', ')
  return new CaucusError('CAUCUS_PROTOCOL', `this peer speaks ${spoken}: offer it as a subprotocol`, {
    details: { spoken: PEER_SUBPROTOCOLS },
  })
}

/** Whether another voter is at the other end, by what it says. */
export const isForPeers = ({ url = '' }: IncomingMessage): boolean => url.split('?', 1)[0] === PEER_PATH

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

/** The same of whoever is to have no vote. That takes less: what an observer says changes nothing for anybody else. */
export const observerGate = (desk: Desk, request: IncomingMessage): ObserverGate => {
  const { principal: asked, shown, from } = desk.callerOf(request)
  const { access } = desk
  const mayBe = (observer: string) => {
    const principal = access.principalOf(shown)
    if (principal !== undefined && principal.in(OBSERVERS_GROUP).use(observer) !== 'no') return undefined
    const what = `${JSON.stringify(asked.name)} may not be the observer ${JSON.stringify(observer)}`
    return new CaucusError(
      'CAUCUS_FORBIDDEN',
      `${what}: that takes an entry with the role member that covers the group ${OBSERVERS_GROUP} and, where it lists members, this observer`,
      { details: { identity: asked.name, observer } },
    )
  }
  return { key: asked.key, address: from.address, mayBe }
}
