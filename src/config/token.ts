/** Fit for a header. Shorter ones can be guessed; beyond the longest a wrong file was named. */
const MIN_CHARS = 8
const MAX_CHARS = 1_024
const ACCEPTED = `a token is ${MIN_CHARS} to ${MAX_CHARS} printable ASCII characters without spaces`

/** What is wrong with a token and what is accepted; undefined when nothing is. Never says the token itself. */
export const tokenFault = (token: string): string | undefined => {
  const { length } = token
  if (!/^[\x21-\x7e]*$/.test(token)) return `has a space or a character beyond printable ASCII; ${ACCEPTED}`
  if (length >= MIN_CHARS && length <= MAX_CHARS) return undefined
  return `has ${length} character${length === 1 ? '' : 's'}; ${ACCEPTED}`
}
