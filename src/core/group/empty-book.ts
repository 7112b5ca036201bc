import type { Book } from './book.ts'

/** Of a group that splits nothing: nobody holds anything, nobody waits for anybody. */
export class EmptyBook implements Book {
  readonly epoch = 0

  adopt(): void {}

  yield(): void {}

  release(): void {}

  orphan(): void {}

  keep(): boolean {
    return false
  }

  keptFor(): readonly number[] {
    return []
  }

  replan(): void {}

  lookAgain(): void {}

  advance(): void {}

  complete(): boolean {
    return true
  }

  wakeAt(): undefined {
    return undefined
  }
}
