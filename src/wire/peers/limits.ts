/** The most messages in one frame between peers: a turn of the loop says a few to each. */
export const MAX_PEER_MESSAGES = 64
/** The longest frame between peers, in characters. A founding of seven voters with all that they ever lost fits several times. */
export const MAX_PEER_FRAME_LENGTH = 128 * 1024
