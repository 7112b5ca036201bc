import { remote, timing } from 'caucus'
import { serve } from './server.ts'
import { topicValuesContract } from './topic-values.ts'
import { topicContract } from './topics.ts'

const token = 'a-token-of-this-test'

const open = async () => {
  const server = await serve({ token })
  return {
    backend: remote(server.url, { token, timing: timing.local }),
    guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false } as const,
    close: server.close,
  }
}

topicContract('remote() and a server', open)
topicValuesContract('remote() and a server', open)
