import type { StreamDemand, StreamPiece } from '../../core/dispatch/link-messages.ts'
import { MAX_CHUNK_BYTES } from '../limits.ts'
import type { ByteReader } from './byte-reader.ts'
import { errorBytes, readError } from './errors.ts'
import type { FrameWriter } from './frame-writer.ts'
import { FIXED_BYTES } from './parts.ts'

export type StreamMessage = StreamPiece | StreamDemand

/** The same in both directions. */
export const STREAM = { chunk: 10, end: 11, credit: 12, stop: 13 } as const

export const appendStream = (frames: FrameWriter, message: StreamMessage): void => {
  switch (message.type) {
    case 'chunk': {
      const to = frames.begin(FIXED_BYTES + message.bytes.length)
      to.byte(STREAM.chunk)
      to.number(message.stream)
      return to.bytes(message.bytes)
    }
    case 'end': {
      const error = message.error && errorBytes(message.error)
      const to = frames.begin(FIXED_BYTES + (error?.length ?? 0))
      to.byte(STREAM.end)
      to.number(message.stream)
      to.byte(error === undefined ? 0 : 1)
      if (error !== undefined) to.bytes(error)
      return
    }
    case 'credit': {
      const to = frames.begin(FIXED_BYTES)
      to.byte(STREAM.credit)
      to.number(message.stream)
      return to.number(message.bytes)
    }
    case 'stop': {
      const to = frames.begin(FIXED_BYTES)
      to.byte(STREAM.stop)
      return to.number(message.stream)
    }
  }
}

/** `undefined`: it is none of these. */
export const readStream = (from: ByteReader, type: number): StreamMessage | undefined => {
  switch (type) {
    case STREAM.chunk: {
      const stream = from.number()
      const bytes = from.view(MAX_CHUNK_BYTES, 'a chunk')
      // It would cost its sender no credit.
      if (bytes.length === 0) from.fail('a chunk is empty')
      return { type: 'chunk', stream, bytes }
    }
    case STREAM.end: {
      const stream = from.number()
      return from.flags(1) === 0 ? { type: 'end', stream } : { type: 'end', stream, error: readError(from) }
    }
    case STREAM.credit: {
      const stream = from.number()
      const bytes = from.number()
      if (bytes === 0) from.fail('a credit is of nothing')
      return { type: 'credit', stream, bytes }
    }
    case STREAM.stop:
      return { type: 'stop', stream: from.number() }
    default:
      return undefined
  }
}
