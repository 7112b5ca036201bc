import { CaucusError, isErrorCode } from '../../errors.ts'
import type { MembershipListener } from '../../ports/backend.ts'

/** A refusal has words for a few codes only; any other stands in front of its message: `CAUCUS_FORBIDDEN: who may not do what`. */
export const meantBy = (error: CaucusError): CaucusError => {
  const [, code, message] = /^(CAUCUS_[A-Z_]+): (.*)$/s.exec(error.message) ?? []
  if (error.code !== 'CAUCUS_INVALID_ARGUMENT' || !isErrorCode(code) || message === undefined) return error
  return new CaucusError(code, message, { cause: error })
}

/** Tells a membership what a refusal means. */
export const understanding = (listener: MembershipListener): MembershipListener => ({
  changed: () => listener.changed(),
  granted: (items) => listener.granted(items),
  drain: (items) => listener.drain(items),
  lost: (items, because) => listener.lost(items, because),
  refused: (error) => listener.refused(meantBy(error)),
  ended: (error) => listener.ended(error && meantBy(error)),
})
