import { rangesOf } from '../../../src/core/group/explain/words.ts'
import type { Holding } from './diff.ts'
import type { Cell, Kind } from './picture.ts'

export const countOf = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

const NAMES: Readonly<Record<Kind, string>> = {
  partitions: 'Partition',
  slots: 'Index',
  tenure: 'Tenure',
  once: 'Run',
  none: 'Item',
}

/** As people count it: indexes begin with 1. */
export const itemOf = (kind: Kind, at: number): string => {
  if (kind === 'tenure' || kind === 'once') return NAMES[kind]
  return `${NAMES[kind]} ${kind === 'slots' ? at + 1 : at}`
}

/** One cell in words, for those who do not see its colour. */
export const describeCell = (kind: Kind, at: number, cell: Cell, pinned: string | undefined): string => {
  const pin = pinned === undefined ? '' : `, pinned to ${pinned}`
  const item = itemOf(kind, at)
  switch (cell.phase) {
    case 'held':
      return `${item}: ${cell.owner}${pin}`
    case 'revoked':
      return `${item}: ${cell.owner} is asked to let go${pin}`
    case 'kept':
      return `${item}: kept for ${cell.owner}${pin}`
    case 'free':
      return `${item}: nobody${pin}`
  }
}

/** What a member has, short enough for a row. */
export const describeHolding = (kind: Kind, { held, revoked }: Holding): string => {
  const shown = (items: readonly number[]) => (kind === 'slots' ? items.map((at) => at + 1) : items)
  const having =
    kind === 'tenure' || kind === 'once'
      ? held.length > 0
        ? kind === 'tenure'
          ? 'leads'
          : 'runs it'
        : ''
      : held.length > 0
        ? `${kind === 'partitions' ? `${held.length}: ` : ''}${rangesOf(shown(held))}`
        : ''
  const letting = revoked.length > 0 ? `letting go of ${rangesOf(shown(revoked))}` : ''
  return [having, letting].filter((part) => part !== '').join('; ') || '–'
}

export const clockOf = (atMs: number): string => {
  const at = new Date(atMs)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** What somebody says of itself, as text, and not much of it. */
export const shortJson = (value: unknown, most = 120): string => {
  if (value === undefined || value === null) return ''
  const text = JSON.stringify(value)
  if (text === undefined || text === '{}') return ''
  return text.length > most ? `${text.slice(0, most)}…` : text
}
