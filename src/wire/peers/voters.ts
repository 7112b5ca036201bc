import { idFault } from '../../core/ids.ts'
import { metadataFault } from '../faults.ts'
import type { Static } from '../type.ts'
import * as Type from '../type.ts'
import { compile, parseJson } from '../validate.ts'
import { Host, Port, Text } from './schemas.ts'

/** Where a peer says who the voters are. */
export const PEERS_PATH = '/v1/peers'

/** As much of the answer as somebody needs who looks for the voters. The rest may be anything: it is a later version's to say. */
const Answer = Type.Object({
  cluster: Text,
  peers: Type.Array(
    Type.Object({ identifier: Text, host: Host, port: Port, metadata: Type.Unknown(), self: Type.Boolean() }),
    { maxItems: 64 },
  ),
})

const answerFault = compile(Answer)

/** The voters that a peer names, itself among them; or, as a string, why this is no such answer. */
export const decodeVoters = (text: string): Static<typeof Answer> | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return json
  const fault = answerFault(json.value)
  if (fault !== undefined) return fault
  const { cluster, peers } = json.value as Static<typeof Answer>
  const ids = peers.map(({ identifier }) => identifier)
  if (new Set(ids).size < ids.length) return 'names one voter twice'
  const faults = [
    idFault(cluster, 'the cluster'),
    ...ids.map((id) => idFault(id, 'an identifier')),
    ...peers.map(({ metadata }) => metadataFault(metadata)),
  ]
  return faults.find((each) => each !== undefined) ?? { cluster, peers }
}
