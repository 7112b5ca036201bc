import type { Holding } from '../core/group/messages.ts'
import { groupNameFault, idFault } from '../core/ids.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_DEPTH } from './limits.ts'

const DOT = 0x2e

/** True for the ids that nearly everybody uses, printable ASCII, which need no closer look. One that begins with a dot does: `..` is none. */
const isPlain = (text: string, maxLength: number): boolean => {
  const { length } = text
  if (length === 0 || length > maxLength || text.charCodeAt(0) === DOT) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}

export const memberFault = (id: string): string | undefined => (isPlain(id, 128) ? undefined : idFault(id, 'member id'))
export const groupFault = (name: string): string | undefined => (isPlain(name, 128) ? undefined : groupNameFault(name))
export const bootIdFault = (id: string): string | undefined => (isPlain(id, 128) ? undefined : idFault(id, 'bootId'))

/** An item that a list names twice would have two fates. */
export const holdingsFault = (holdings: readonly Holding[], name: string): string | undefined => {
  let rising = true
  let last = -1
  for (const { item, of } of holdings) {
    if (of !== undefined && (item < 1 || item > of)) return `${name} has an index that is not from 1 to its total`
    rising &&= item > last
    last = item
  }
  if (rising || new Set(holdings.map(({ item }) => item)).size === holdings.length) return undefined
  return `${name} lists an item twice`
}

/** Says what is wrong with a member's metadata: too deep, too long as JSON, or with a key that could change a prototype. `what` names it. */
export const metadataFault = (metadata: unknown, what = 'metadata'): string | undefined => {
  if (metadata === undefined || metadata === null || typeof metadata !== 'object') return sizeFault(metadata, what)
  // Level by level and not by recursion: the nesting is somebody else's choice.
  let level: object[] = [metadata]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_METADATA_DEPTH) return `${what} is nested deeper than ${MAX_METADATA_DEPTH} levels`
    const next: object[] = []
    for (const node of level) {
      if (Object.hasOwn(node, '__proto__')) return `${what} has a key "__proto__"; use another name`
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return sizeFault(metadata, what)
}

const sizeFault = (metadata: unknown, what: string): string | undefined => {
  if (metadata === undefined) return undefined
  let text: string | undefined
  try {
    text = JSON.stringify(metadata)
  } catch {
    // A BigInt, or a `toJSON` that throws: what came over the wire has neither.
  }
  if (text === undefined) return `${what} must be JSON`
  // Every character takes at least one byte, so a long text is refused without being encoded.
  const tooLong = text.length > MAX_METADATA_BYTES || new TextEncoder().encode(text).length > MAX_METADATA_BYTES
  return tooLong ? `${what} is longer than ${MAX_METADATA_BYTES} bytes as JSON; keep only what others need` : undefined
}
