import { describe } from 'vitest'
import { trialOf } from './support/trial-rounds.ts'

describe('members that are processes of their own', () => {
  const { survives } = trialOf({ workers: 3 })

  survives('outlast one that is frozen and one whose loop is blocked, both past their leases', 'frozen', 'loop-blocked')
  survives('outlast one that is killed, and one that goes in good order', 'killed-and-back', 'left')
  survives('outlast a second process with the id of the first, and a guest', 'id-taken', 'joined-and-left')
  survives('outlast lines that lose what one side says', 'replies-lost', 'requests-lost')
  survives('outlast lines that keep what one side says, or do not even take it', 'requests-held', 'replies-unread')
  survives(
    'outlast lines that are cut, and made again in vain',
    'connections-refused',
    'connections-unanswered',
    'cut-rst',
  )
  survives('outlast a server that is frozen past their leases', 'server-frozen')
  survives('outlast a server whose loop is blocked past their leases', 'server-loop-blocked')
  survives('outlast a server that is killed and finds its disk full, while one is frozen', 'server-disk-full', 'frozen')
})
