import type { Entry } from './messages.ts'

/** Where an entry stands among all that were ever made. */
export type EntryPlace = Pick<Entry, 'term' | 'version'>

/** Negative when `a` is the earlier one; having none is earlier than anything. */
export const compareEntries = (a: EntryPlace | undefined, b: EntryPlace | undefined): number => {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  return a.term - b.term || a.version - b.version
}

/** The last of those that were made; `undefined` where there is none. */
export const latestEntry = (entries: Iterable<Entry | undefined>): Entry | undefined => {
  let latest: Entry | undefined
  for (const entry of entries) if (compareEntries(entry, latest) > 0) latest = entry
  return latest
}
