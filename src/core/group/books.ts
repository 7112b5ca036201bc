import { invariant } from '../machine.ts'
import type { Book, Desk } from './book.ts'
import { EmptyBook } from './empty-book.ts'
import { IndexBook } from './index-book.ts'
import type { InstantDesk } from './instants.ts'
import { IN_TURN } from './manner.ts'
import type { ShareKind } from './messages.ts'
import { OnceBook } from './once-book.ts'
import { PartitionBook } from './partition-book.ts'

/** The book of a group that shares in this way. `instant`: of what runs only once. */
export const bookOf = (share: ShareKind, desk: Desk, instant: InstantDesk | undefined): Book => {
  if (share === 'index') return new IndexBook(desk)
  if (share === 'once') {
    invariant(instant !== undefined, 'what runs only once has an instant')
    return new OnceBook(desk, instant)
  }
  if (share === 'none') return new EmptyBook()
  return share === 'tenure' ? new PartitionBook(1, desk, IN_TURN) : new PartitionBook(share.partitions, desk)
}
