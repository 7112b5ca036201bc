import type { CoordinatorMessage, Holding, MemberMessage } from '../../core/group/messages.ts'
import type { Epoch } from '../../core/lease.ts'
import { decodeCoordinatorFrame, decodeMemberFrame } from '../../wire/frames.ts'
import { topicsText } from './topic-text.ts'
import type { Travel } from './wire.ts'

const COUNTERS = 2 ** 21

/** An epoch as people can read it: how often its coordinator has granted since it started. */
export const epochText = (epoch: Epoch): string => `${Math.floor(epoch / COUNTERS)}.${epoch % COUNTERS}`

export const holdingsText = (holdings: readonly Holding[]): string =>
  holdings.map(({ item, of }) => (of === undefined ? `${item}` : `slot ${item} of ${of}`)).join(',')

const listed = (holdings: readonly Holding[]): string => holdings.map(({ item }) => item).join(',')

/** What a frame says, in a few words. */
export const messagesOf = (frame: string | Uint8Array, travel: Travel): string => {
  if (typeof frame !== 'string') return topicsText(frame, travel)
  const said = decodeMemberFrame(frame)
  const heard = typeof said === 'string' ? decodeCoordinatorFrame(frame) : said
  return typeof heard === 'string' ? `nonsense: ${frame.slice(0, 40)}` : heard.map(messageText).join(' + ')
}

const messageText = (message: MemberMessage | CoordinatorMessage): string => {
  switch (message.type) {
    case 'hello':
      return `hello ${message.generation}`
    case 'renew': {
      const parts = [`renew ${message.sequence}`]
      if (message.generation === undefined) parts[0] = `join ${message.sequence}`
      if (message.holding.length > 0) parts.push(`has ${listed(message.holding)}`)
      if (message.draining.length > 0) parts.push(`drains ${listed(message.draining)}`)
      if (message.acknowledged.length > 0) parts.push(`let go ${listed(message.acknowledged)}`)
      if (message.leaving) parts.push('leaving')
      return parts.join(', ')
    }
    case 'share': {
      const parts = [`share ${message.sequence}/${message.order}`, message.state]
      if (message.holding.length > 0) parts.push(`yours ${listed(message.holding)}`)
      if (message.revoked.length > 0) parts.push(`back ${listed(message.revoked)}`)
      return parts.join(', ')
    }
    case 'refused':
      return `refused ${message.code}`
    default:
      return message.type
  }
}
