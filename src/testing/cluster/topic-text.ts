import type { Payload, Streamed, TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import { decodeDown } from '../../wire/topics/down.ts'
import { decodeUp } from '../../wire/topics/up.ts'
import type { Travel } from './wire.ts'

/** What a frame about topics says, in a few words. */
export const topicsText = (frame: Uint8Array, travel: Travel): string => {
  const said = travel === 'up' ? decodeUp(frame) : decodeDown(frame)
  return typeof said === 'string' ? `nonsense of ${frame.length} bytes` : said.map(messageText).join(' + ')
}

const payloadText = (payload: Payload | Streamed): string => {
  if (payload.kind === 'none') return 'nothing'
  if (payload.kind === 'stream') return `stream ${payload.stream}`
  return payload.bytes.length > 60 ? `${payload.bytes.length} bytes` : Buffer.from(payload.bytes).toString()
}

const messageText = (message: TopicsUp | TopicsDown): string => {
  switch (message.type) {
    case 'produce':
      return `produce ${message.producer}, ${message.id} on ${message.topic}`
    case 'ask':
      return `ask ${message.ask} on ${message.topic}, ${payloadText(message.payload)}`
    case 'request':
      return `request ${message.request} for producer ${message.producer}, ${payloadText(message.payload)}`
    case 'reply':
      return `reply to ${message.request}, ${payloadText(message.payload)}`
    case 'answered':
      return `answered ${message.ask} by ${message.from}, ${payloadText(message.payload)}`
    case 'finished': {
      const { ending, replied, expected, missing } = message.summary
      return `finished ${message.ask}: ${ending}, ${replied} of ${expected}${missing.length > 0 ? ` without ${missing}` : ''}`
    }
    case 'cancel':
      return `cancel ${message.request} (${message.because})`
    case 'heard':
      return `heard ${message.listener}, ${message.from}`
    case 'denied':
      return `denied ${message.what} ${message.key}, ${message.error.code}`
    default: {
      const { type } = message
      const number = Object.values(message).find((value) => typeof value === 'number')
      return `${type} ${number ?? ''}`.trim()
    }
  }
}
