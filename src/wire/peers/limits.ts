/** The most messages in one frame between peers: a turn of the loop says a few to each. */
export const MAX_PEER_MESSAGES = 64
/** The longest frame between peers, in characters and in bytes. The longest charter fits with everything around it. */
export const MAX_PEER_FRAME_LENGTH = 2 ** 20
/** The longest metadata of an observer, in bytes as JSON: there may be a thousand, and one answer lists them all. */
export const MAX_OBSERVER_METADATA_BYTES = 1024
/** The longest charter, in bytes as JSON. A roll of ten thousand members fits, or as many groups with ceilings of their own. */
export const MAX_CHARTER_BYTES = 512 * 1024
