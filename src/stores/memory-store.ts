import { randomUUID } from 'node:crypto'
import type { Foundation } from '../core/group/foundation.ts'
import type { FoundationStore } from '../ports/store.ts'

/** Keeps nothing beyond the process. Whoever must be recognised after a restart gives an `instanceId` that comes back. */
export const memoryStore = ({ instanceId = randomUUID() }: { readonly instanceId?: string } = {}): FoundationStore => {
  let kept: Foundation | undefined
  return {
    durable: false,
    instanceId,
    load: async () => kept,
    save: async (foundation) => {
      kept = foundation
    },
    close: async () => {},
  }
}
