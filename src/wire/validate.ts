import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { MAX_PARTITIONS } from './limits.ts'
import type { TSchema } from './type.ts'

const ajv = new Ajv({ strict: true, allErrors: false, strictNumbers: true, ownProperties: true })

/** Says what is wrong with a value, or `undefined` when it fits the schema. Values are never repeated: they may be hostile. */
export type Check = (value: unknown) => string | undefined

/** A check whose schema is compiled at its first use, or before, where that may not be in the way. */
export type LazyCheck = Check & { prepare(): void }

/** Compiles when it must: a process has every schema of the wire and uses few, and each takes some milliseconds. */
export const compile = (schema: TSchema): LazyCheck => {
  let compiled: ValidateFunction | undefined
  const validator = () => {
    compiled ??= ajv.compile(schema)
    return compiled
  }
  const check: Check = (value) => {
    const validate = compiled ?? validator()
    return validate(value) ? undefined : describe(validate.errors?.[0])
  }
  return Object.assign(check, { prepare: () => void validator() })
}

const describe = (error: ErrorObject | undefined): string => {
  if (error === undefined) return 'does not fit'
  const { instancePath, keyword, params, message } = error
  if (instancePath.startsWith('/share'))
    return `share must be "index", "tenure" or { "partitions": 1 to ${MAX_PARTITIONS} }`
  const where = instancePath === '' ? '' : `${instancePath.slice(1).replaceAll('/', '.')} `
  if (keyword === 'additionalProperties') return `${where}has an unknown field ${quoted(params.additionalProperty)}`
  if (keyword === 'required') return `${where}lacks the field ${quoted(params.missingProperty)}`
  return `${where}${message ?? 'does not fit'}`
}

/** A name from outside, short and without control characters; of what is no name only its kind, since to convert it may throw. */
export const quoted = (name: unknown): string => {
  const text = typeof name === 'string' || typeof name === 'number' ? String(name) : typeof name
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}

/** The value, or what keeps the text from being JSON. */
export const parseJson = (text: string): { readonly value: unknown } | string => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    // The parser's own words quote the text, which may be long or hostile.
    return 'is not JSON'
  }
}
