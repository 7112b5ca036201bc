import { openPeers } from './peers.ts'
import { topicValuesContract } from './topic-values.ts'
import { topicContract } from './topics.ts'

const open = () => openPeers({ durable: false })

topicContract('three peers', open)
topicValuesContract('three peers', open)
