import { CaucusError } from '../../../errors.ts'
import type { PeerFault } from './peer-fault.ts'
import { PEER_LINE_FAULTS } from './peer-line-faults.ts'
import { PEER_MEMBER_FAULTS } from './peer-member-faults.ts'
import { PEER_PROCESS_FAULTS } from './peer-process-faults.ts'
import { PEER_STRANGER_FAULTS } from './peer-stranger-faults.ts'

/** Everything that happens to peers. */
export const PEER_FAULTS: readonly PeerFault[] = [
  ...PEER_PROCESS_FAULTS,
  ...PEER_LINE_FAULTS,
  ...PEER_STRANGER_FAULTS,
  ...PEER_MEMBER_FAULTS,
]

export const peerFault = (name: string): PeerFault => {
  const fault = PEER_FAULTS.find((candidate) => candidate.name === name)
  if (fault !== undefined) return fault
  const names = PEER_FAULTS.map((candidate) => candidate.name).join(', ')
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `there is no fault "${name}"; take one of ${names}`)
}
