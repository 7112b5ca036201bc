import type { TopicsDown } from '../../../core/dispatch/link-messages.ts'
import type { Handler } from '../../../runtime/dispatch/delivery.ts'
import { type ReceivedAsk, ReceivedRequest } from '../../../runtime/dispatch/received.ts'

export type RequestMessage = Extract<TopicsDown, { type: 'request' }>

/** One request in the hands of a producer of this process. */
export class ServedRequest extends ReceivedRequest {
  /** The link over which it came: on another one its number is somebody else's. */
  readonly link: number

  constructor(link: number, asked: ReceivedAsk, producer: Handler) {
    super(asked, producer)
    this.link = link
  }
}
