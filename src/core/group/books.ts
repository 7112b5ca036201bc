import type { Book, Desk } from './book.ts'
import { EmptyBook } from './empty-book.ts'
import { IndexBook } from './index-book.ts'
import { IN_TURN } from './manner.ts'
import type { ShareKind } from './messages.ts'
import { PartitionBook } from './partition-book.ts'

/** The book of a group that shares in this way. */
export const bookOf = (share: ShareKind, desk: Desk): Book => {
  if (share === 'index') return new IndexBook(desk)
  if (share === 'none') return new EmptyBook()
  return share === 'tenure' ? new PartitionBook(1, desk, IN_TURN) : new PartitionBook(share.partitions, desk)
}
