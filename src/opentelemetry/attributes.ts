import type { Attributes } from '@opentelemetry/api'
import type { Summary, Until } from '../core/dispatch/messages.ts'
import type {
  SettledView,
  TracedAsk,
  TracedCampaign,
  TracedItems,
  TracedRequest,
  TracedRun,
  TracedView,
} from '../ports/tracing.ts'

/** Of ids in one attribute: a list of thousands would be cut somewhere else, or refused. */
const MAX_IDS = 100

const untilText = (until: Until): string => (typeof until === 'object' ? `quiet ${until.quiet} ms` : String(until))

/** What both sides say, by the semantic conventions for messaging as far as they fit (development status, 1.4x). */
const messaging = (topic: string, operation: 'ask' | 'answer', type: 'send' | 'process') => ({
  'messaging.system': 'caucus',
  'messaging.operation.name': operation,
  'messaging.operation.type': type,
  'messaging.destination.name': topic,
  'caucus.topic': topic,
})

export const askAttributes = ({ topic, until, withinMs }: TracedAsk): Attributes => ({
  ...messaging(topic, 'ask', 'send'),
  'caucus.ask.until': untilText(until),
  'caucus.ask.within_ms': withinMs,
})

export const requestAttributes = ({ topic, producer, queue }: TracedRequest): Attributes => ({
  ...messaging(topic, 'answer', 'process'),
  'caucus.producer.id': producer,
  ...(queue !== undefined && { 'messaging.consumer.group.name': queue }),
})

/** Who never answered has no span that the asker could know of, so their ids stand here. */
export const summaryAttributes = (summary: Summary): Attributes => ({
  'caucus.ask.ending': summary.ending,
  'caucus.ask.expected': summary.expected,
  'caucus.ask.replied': summary.replied,
  'caucus.ask.errors': summary.errors,
  'caucus.ask.refused': summary.refused,
  ...idsOf('missing', summary.missing),
  ...idsOf('left', summary.left),
  ...idsOf('released', summary.released),
})

const idsOf = (what: string, ids: readonly string[]): Attributes =>
  ids.length === 0 ? {} : { [`caucus.ask.${what}`]: ids.slice(0, MAX_IDS) }

export const viewAttributes = ({ group, member }: TracedView): Attributes => ({
  'caucus.group': group,
  'caucus.member.id': member,
})

/** What moved: the numbers of the first partitions, and how many there are, or the index. */
export const itemsAttributes = ({ slot, partitions }: TracedItems): Attributes =>
  slot === undefined
    ? { 'caucus.partitions': partitions.slice(0, MAX_IDS), 'caucus.partitions.count': partitions.length }
    : slotAttributes(slot)

const slotAttributes = ({ index, total }: NonNullable<TracedItems['slot']>): Attributes => ({
  'caucus.slot.index': index,
  'caucus.slot.total': total,
})

export const settledAttributes = ({ epoch, members, slot, partitions }: SettledView): Attributes => ({
  'caucus.view.ending': 'settled',
  'caucus.view.epoch': epoch,
  'caucus.view.members': members,
  ...(slot === undefined ? { 'caucus.partitions.count': partitions.length } : slotAttributes(slot)),
})

export const campaignAttributes = ({ election, candidate }: TracedCampaign): Attributes => ({
  'caucus.election': election,
  'caucus.candidate.id': candidate,
})

export const runAttributes = ({ name, atMs, token }: TracedRun): Attributes => ({
  'caucus.once': name,
  'caucus.once.at': new Date(atMs).toISOString(),
  'caucus.token': token,
})
