import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { checkError, type Route } from './api.ts'
import type { HttpAnswer } from './http-answers.ts'
import { TOKENS } from './world.ts'

/** What nobody may ever be told: tokens, and what the program looks like from within. */
const SECRETS = [...Object.values(TOKENS), 'node:internal', 'node_modules', '/dist/', '.js:', '    at ']

/** What of all this a text gives away. */
export const secretIn = (text: string): string | undefined => SECRETS.find((secret) => text.includes(secret))

const shown = (text: string): string => JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text)

/** What is wrong with an answer to a request that was meant for `route`, or of which nobody can say what it was meant for. */
export const faultOf = (answer: HttpAnswer, route: Route | undefined, isHead: boolean): string | undefined => {
  const { status, headers, body } = answer
  const secret = secretIn(body) ?? secretIn([...headers.values()].join('\n'))
  if (secret !== undefined) return `an answer has ${JSON.stringify(secret)} in it: ${shown(body)}`
  if (status >= 400) return isHead ? headFault(status) : refusalFault(answer, route)
  if (isHead) return undefined
  const success = route?.successes.get(status)
  if (route !== undefined && success === undefined) return `${route.name} answers ${status}, which nothing describes`
  const type = headers.get('content-type') ?? ''
  if (success === undefined)
    return status === 200 || status === 101 ? undefined : `the status ${status} is none of ours`
  if (status !== 101 && type.split(';')[0] !== success.type.split(';')[0])
    return `${route?.name} answers ${shown(type)}`
  if (success.check === undefined) return undefined
  const value = parsed(body)
  const fault = value === undefined ? 'is not JSON' : success.check(value.json)
  return fault === undefined ? undefined : `the answer of ${route?.name} ${fault}: ${shown(body)}`
}

const headFault = (status: number): string | undefined =>
  status === ERROR_CODES.CAUCUS_BACKEND.status ? 'the server failed' : undefined

/** A refusal says in JSON what is wrong, with a code that has this status and that the route has. */
const refusalFault = ({ status, headers, body }: HttpAnswer, route: Route | undefined): string | undefined => {
  const value = parsed(body)
  const fault = value === undefined ? 'is not JSON' : checkError(value.json)
  if (fault !== undefined) return `a refusal with status ${status} ${fault}: ${shown(body)}`
  const { code } = (parsed(body) as { readonly json: { readonly error: { readonly code: ErrorCode } } }).json.error
  if (code === 'CAUCUS_BACKEND') return `the server failed: ${shown(body)}`
  if (ERROR_CODES[code].status !== status) return `the status of ${code} is not ${status}`
  if (headers.get('content-type')?.startsWith('application/json') !== true)
    return `a refusal is no JSON by its type: ${shown(body)}`
  if (route !== undefined && route.codes.get(status)?.has(code) !== true)
    return `${route.name} is not described to refuse with ${code}: ${shown(body)}`
  return undefined
}

const parsed = (text: string): { readonly json: unknown } | undefined => {
  try {
    return { json: JSON.parse(text) }
  } catch {
    // It is none, and whoever asked says so.
    return undefined
  }
}
