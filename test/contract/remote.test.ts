import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { remote, timing } from 'caucus'
import { fileStore } from '../../src/stores/file-store.ts'
import { electionContract } from './elections.ts'
import { groupContract } from './groups.ts'
import { serve } from './server.ts'

const token = 'a-token-of-this-test'

for (const contract of [groupContract, electionContract])
  contract('remote() and a server', async () => {
    const server = await serve({ token })
    return {
      backend: remote(server.url, { token, timing: timing.local }),
      guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
      close: server.close,
    }
  })

for (const contract of [groupContract, electionContract])
  contract('remote() and a server with a data directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'caucus-'))
    const server = await serve({ store: await fileStore(directory) })
    return {
      backend: remote([server.url], { timing: timing.local }),
      guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: false },
      close: async () => {
        await server.close()
        await rm(directory, { recursive: true })
      },
    }
  })
