export { MAX_WEIGHT } from '../core/assignment/weights.ts'

/** The most messages in one frame of `/v1/link`. */
export const MAX_FRAME_MESSAGES = 1024
/** The longest frame, in bytes. The largest renewal that is legal by itself fits. */
export const MAX_FRAME_BYTES = 2 ** 20
/** The most entries in each list of items of one message. */
export const MAX_LIST_ITEMS = 4096
/** The most partitions that a group can have: all of them must fit into one list. */
export const MAX_PARTITIONS = MAX_LIST_ITEMS
/** The highest item: an index is bounded by the number of members, a partition by `MAX_PARTITIONS`. */
export const MAX_ITEM = 2 ** 31 - 1
/** The longest lease that can be stated: the longest interval that a timer of Node takes. */
export const MAX_LEASE_MS = 2 ** 31 - 1
/** The most bytes that a member's metadata may have as JSON. */
export const MAX_METADATA_BYTES = 4096
/** How deep metadata may be nested. */
export const MAX_METADATA_DEPTH = 16
/** The longest text that one side may tell the other for people to read. */
export const MAX_TEXT_LENGTH = 4096

/** The most messages about topics in one frame. */
export const MAX_TOPICS_MESSAGES = 4096
/** The longest request or reply, in bytes. What is longer is streamed. */
export const MAX_PAYLOAD_BYTES = 512 * 1024
/** The longest piece of a stream, in bytes. */
export const MAX_CHUNK_BYTES = 64 * 1024
/** How much of a stream its reader lets come before it has read any of it, in bytes. */
export const STREAM_WINDOW_BYTES = 256 * 1024
/** The most bytes that the choice of whom an ask is for may have as JSON. */
export const MAX_TARGET_BYTES = 256 * 1024
/** The most bytes that an error may have as JSON: its message, escaped, and its details. */
export const MAX_ERROR_BYTES = 32 * 1024
/** The longest `traceparent` and `tracestate`, in characters. */
export const MAX_TRACEPARENT_LENGTH = 128
export const MAX_TRACESTATE_LENGTH = 512
