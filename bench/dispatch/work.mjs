// What every contender does: the same small JSON each way, by handlers that each of them awaits.

/** Everybody replies on `work`; on `silence` the first responder never does. */
export const WORK = 'work'
export const SILENCE = 'silence'

export const nameOf = (number) => `responder-${number}`

const reply = async (request) => ({ n: request.n + 1, state: 'ready' })

/** Says nothing as long as anybody waits, and stops when it is told that nobody does, where the contender says so at all. */
const never = (_, context) =>
  new Promise((_resolve, reject) => {
    context?.signal.addEventListener('abort', () => reject(context.signal.reason))
  })

/** What one responder does on each topic: `(request, context?) => promise of a reply`. */
export const handlersOf = (number) => ({ [WORK]: reply, [SILENCE]: number === 0 ? never : reply })

export const requestOf = (n) => ({ n, key: 'orders/17' })

/** Throws unless these are the replies of so many to that request. */
export const checkReplies = (replies, count, n) => {
  if (replies.length !== count) throw new Error(`${replies.length} of ${count} have replied`)
  for (const reply of replies) {
    if (reply.n !== n + 1) throw new Error(`a reply to another request: ${JSON.stringify(reply)}`)
  }
}
