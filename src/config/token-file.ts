import { CaucusError } from '../errors.ts'
import { type AccessRule, ruleOfToken } from './access.ts'
import { readAccess } from './access-reader.ts'
import { parseJson } from './json.ts'
import { tokenFault } from './token.ts'

const MAX_FILE_CHARS = 4_000_000

/** Whether a token file says more than tokens. None begins so: the first thing in it would be a token with a bracket. */
export const isTokenList = (text: string): boolean => /^\uFEFF?\s*[[{]/.test(text)

/**
 * Who may do what, as a token file says it: either a token on each line, which may do everything, or a JSON array of entries.
 *
 * Throws `CAUCUS_INVALID_CONFIG` that names every fault by its place, and never says a token.
 */
export const parseTokenFile = (text: string, file: string): readonly AccessRule[] => {
  if (text.length > MAX_FILE_CHARS) throw refusal(`${file} is longer than ${MAX_FILE_CHARS} characters`)
  if (!isTokenList(text)) return tokensOf(text, file)
  const faults: string[] = []
  const rules = readAccess(parseJson(text, file), 'entry', faults)
  if (faults.length > 0) throw refusal(`${file}: ${faults.join('; ')}`)
  return rules
}

const tokensOf = (text: string, file: string): readonly AccessRule[] => {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const rules = lines.flatMap((line, index) => {
    if (line === '') return []
    const fault = tokenFault(line)
    if (fault !== undefined) throw refusal(`line ${index + 1} of ${file} ${fault}`)
    return [ruleOfToken(line, `token-${index + 1}`)]
  })
  if (rules.length === 0) throw refusal(`${file} holds no token; write one into its first line`)
  return rules
}

const refusal = (message: string): CaucusError => new CaucusError('CAUCUS_INVALID_CONFIG', message)
