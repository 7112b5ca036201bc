import { CaucusError } from '../errors.ts'
import { textOf } from '../runtime/dispatch/failure.ts'

/**
 * A validator as the Standard Schema specification, version 1, has it (standardschema.dev): Zod, Valibot, ArkType, TypeBox with an
 * adapter, or a few lines of one's own. `validate` may be asynchronous.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a schema makes of a value: the value as it is handed over, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** What a schema has against a value, and where in it. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** How many issues a message names, and how many characters of each. */
const ISSUES_NAMED = 3
const ISSUE_LENGTH = 200

/** Gives the value as the schema has it, or throws `code` with what is wrong, where. A promise only when the schema gives one. */
export const conform = (
  schema: StandardSchema,
  value: unknown,
  what: string,
  code: 'CAUCUS_INVALID_ARGUMENT' | 'CAUCUS_HANDLER_FAILED',
): unknown => {
  const judge = (result: SchemaResult<unknown>): unknown => {
    if (result.issues === undefined) return result.value
    const issues = result.issues.slice(0, ISSUES_NAMED).map(issueText)
    const more = result.issues.length > ISSUES_NAMED ? ` and ${result.issues.length - ISSUES_NAMED} more` : ''
    throw new CaucusError(code, `${what} does not fit: ${issues.join('; ')}${more}`, { details: { issues } })
  }
  const failed = (error: unknown): never => {
    if (error instanceof CaucusError) throw error
    throw new CaucusError(code, `${what} could not be checked, since its schema failed: ${textOf(error)}`, {
      cause: error,
    })
  }
  try {
    const result = schema['~standard'].validate(value)
    return result instanceof Promise ? result.then(judge).catch(failed) : judge(result)
  } catch (error) {
    return failed(error)
  }
}

const issueText = ({ message, path = [] }: SchemaIssue): string => {
  const place = path
    .map((part: unknown) => (typeof part === 'object' && part !== null && 'key' in part ? part.key : part))
    .map(String)
    .join('.')
  return `${place === '' ? '' : `${place}: `}${message}`.slice(0, ISSUE_LENGTH)
}

export const isSchema = (value: unknown): value is StandardSchema => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = (value as Partial<StandardSchema>)['~standard']
  if (typeof standard !== 'object' || standard === null) return false
  const { version, validate } = standard as Record<string, unknown>
  return version === 1 && typeof validate === 'function'
}
