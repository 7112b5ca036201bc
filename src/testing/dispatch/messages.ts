import type { TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { Answer, AskId, Ending, Given, ProducerKey, Reply, Seat, Summary } from '../../core/dispatch/messages.ts'
import type { DiagramEvent } from '../diagram.ts'

/** From a process to the server: what a link carries, but for payloads and what is said for them. */
export type Up =
  | Extract<TopicsUp, { readonly type: 'produce' | 'withdraw' | 'leave' | 'listen' | 'unlisten' | 'abandon' }>
  | Omit<Extract<TopicsUp, { readonly type: 'ask' }>, 'named' | 'patient' | 'trace' | 'payload'>
  | { readonly type: 'answers'; readonly answers: readonly Given[] }

/** From the server to a process. */
export type Down =
  | {
      readonly type: 'request'
      /** The process's own number. */
      readonly to: number
      readonly ask: AskId
      readonly seat: Seat
      readonly producer: ProducerKey
    }
  | { readonly type: 'cancel'; readonly to: number; readonly ask: AskId; readonly ending: Ending }
  | { readonly type: 'fenced'; readonly to: number }
  | { readonly type: 'denied'; readonly what: 'producer' | 'ask' | 'listener'; readonly to: number }
  | { readonly type: 'answered'; readonly to: number; readonly answer: Answer }
  | { readonly type: 'finished'; readonly to: number; readonly summary: Summary }
  /** Listening from now on: replies on the topic are counted from there. */
  | { readonly type: 'listening'; readonly to: number; readonly after: number }
  | { readonly type: 'heard'; readonly to: number; readonly reply: Reply; readonly number: number }
  /** So many replies were not told, since their link was full. */
  | { readonly type: 'gap'; readonly to: number; readonly dropped: number }

/** In words, for a diagram. */
export const tellingOf = (message: Up | Down): Pick<DiagramEvent, 'what' | 'detail'> => {
  switch (message.type) {
    case 'produce': {
      const { producer, topic, id, queue, concurrency } = message
      const more = `${queue === undefined ? '' : `, queue ${queue}`}${concurrency > 1 ? `, ${concurrency} at a time` : ''}`
      return { what: `produce ${producer}`, detail: `${id} on ${topic}${more}` }
    }
    case 'ask': {
      const { ask, topic, until, to, withinMs } = message
      const whom = to === undefined ? '' : ` to ${JSON.stringify(to)}`
      return {
        what: `ask ${ask}`,
        detail: `${topic}${whom} until ${JSON.stringify(until)} within ${withinMs.toFixed(1)}`,
      }
    }
    case 'answers': {
      const said = message.answers.map(
        ({ ask, seat, answer }) => `${answer.type} ${answer.from} to ${ask} from seat ${seat}`,
      )
      return { what: 'answers', detail: said.join(', ') }
    }
    case 'request':
      return { what: `request ${message.ask}`, detail: `seat ${message.seat} of producer ${message.to}` }
    case 'cancel':
      return { what: `cancel ${message.ask}`, detail: `${message.ending}, producer ${message.to}` }
    case 'answered':
      return { what: `answered ${message.to}`, detail: `${message.answer.type} of ${message.answer.from}` }
    case 'finished': {
      const { ending, expected, replied, missing } = message.summary
      return { what: `finished ${message.to}`, detail: `${ending}, ${replied} of ${expected}, missing ${missing}` }
    }
    case 'heard':
      return { what: `heard ${message.to}`, detail: `reply ${message.number}` }
    case 'withdraw':
    case 'leave':
      return { what: `${message.type} ${message.producer}` }
    case 'listen':
    case 'unlisten':
      return { what: `${message.type} ${message.listener}` }
    case 'abandon':
      return { what: `abandon ${message.ask}` }
    default:
      return { what: `${message.type} ${message.to}` }
  }
}
