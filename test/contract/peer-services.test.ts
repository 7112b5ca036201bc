import { openPeers } from './peers.ts'
import { serviceContract } from './services.ts'

serviceContract('three peers', () => openPeers({ durable: true }))
