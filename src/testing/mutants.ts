import { DRIVER_MUTANTS } from './cluster/mutants.ts'
import { TOPIC_MUTANTS } from './cluster/mutants-topics.ts'
import { ASSIGNMENT } from './mutants/assignment.ts'
import { DISPATCH } from './mutants/dispatch.ts'
import { ELECTION } from './mutants/election.ts'
import { EPOCHS } from './mutants/epochs.ts'
import { ETCD } from './mutants/etcd.ts'
import { FAILOVER } from './mutants/failover.ts'
import { GRANTORS } from './mutants/grantors.ts'
import { HOLDERS } from './mutants/holders.ts'
import { IDENTITIES } from './mutants/identities.ts'
import { LIVENESS } from './mutants/liveness.ts'
import type { Mutant } from './mutants/mutant.ts'
import { ONCES } from './mutants/onces.ts'
import { ORDERS } from './mutants/orders.ts'
import { PEERS } from './mutants/peers.ts'
import { PLACES } from './mutants/places.ts'
import { POLLERS } from './mutants/pollers.ts'
import { REPLICATION } from './mutants/replication.ts'
import { ROLLS } from './mutants/rolls.ts'
import { TENURES } from './mutants/tenures.ts'

export type { Mutant } from './mutants/mutant.ts'

/** Each rule that protects an invariant, broken once. A break that the simulator does not notice is a fault of the simulator. */
export const MUTANTS: readonly Mutant[] = [
  ...HOLDERS,
  ...GRANTORS,
  ...FAILOVER,
  ...IDENTITIES,
  ...EPOCHS,
  ...LIVENESS,
  ...POLLERS,
  ...PLACES,
  ...ORDERS,
  ...ROLLS,
  ...ASSIGNMENT,
  ...TENURES,
  ...ONCES,
  ...DISPATCH,
  ...ELECTION,
  ...REPLICATION,
  ...PEERS,
  ...ETCD,
  ...DRIVER_MUTANTS,
  ...TOPIC_MUTANTS,
]
