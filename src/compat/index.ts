/**
 * The predecessors' own names over what this package does, so that a program of theirs can be typed line by line.
 *
 * @module
 */
export { ATEDispatcher, type ATEDispatcherOptions, type SendRequestOptions } from './ate-dispatcher.ts'
export { ResultListener } from './ate-listener.ts'
export { Producer } from './ate-producer.ts'
export { BlocClient, type BlocClientOptions } from './bloc-client.ts'
export { QCluster, type QClusterLeader, type QClusterOptions } from './qcluster.ts'
export type { QClusterConfiguration, QClusterPeer } from './qcluster-configuration.ts'
