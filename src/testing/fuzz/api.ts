import { errorAnswer } from '../../wire/answers.ts'
import { openApiDocument } from '../../wire/openapi.ts'
import { type Answer, OPERATIONS } from '../../wire/openapi-operations.ts'
import { type Check, compile } from '../../wire/validate.ts'
import { type JsonSchema, resolved } from './schema.ts'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: JsonSchema
}

/** One operation of the HTTP interface, as the OpenAPI document describes it. */
export interface Route {
  readonly name: string
  readonly method: string
  /** With `{name}` where a parameter stands. */
  readonly path: string
  readonly tag: string
  readonly parameters: readonly Parameter[]
  readonly body: JsonSchema | undefined
  /** What a success is, by status: its content type, and what is wrong with a body. */
  readonly successes: ReadonlyMap<number, { readonly type: string; readonly check: Check | undefined }>
  /** The codes that a refusal may have, by status. */
  readonly codes: ReadonlyMap<number, ReadonlySet<string>>
}

export interface Api {
  readonly routes: readonly Route[]
  /** A frame of a member on a link. */
  readonly memberFrame: JsonSchema
  readonly serverFrame: JsonSchema
}

interface DocumentedOperation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>
  >
}

/**
 * Everything that a server can be asked, made from what the server validates with and describes itself by: a route is fuzzed as soon as it
 * is described, and none can be registered that is not.
 */
export const describedApi = (): Api => {
  const routes = Object.keys(OPERATIONS).map((name) => {
    const [method = '', path = ''] = name.split(' ')
    return { method, path }
  })
  const document = openApiDocument(routes, '0.0.0')
  const { schemas } = document.components as { readonly schemas: Readonly<Record<string, unknown>> }
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  return {
    routes: routes.map(({ method, path }) => {
      const templated = path.replaceAll(/:(\w+)/g, '{$1}')
      const documented = paths[templated]?.[method.toLowerCase()] as DocumentedOperation
      const body = documented.requestBody?.content['application/json']?.schema
      return {
        name: documented.operationId,
        method,
        path: templated,
        tag: documented.tags[0] ?? '',
        parameters: documented.parameters.map((each) => ({ ...each, schema: resolved(each.schema, schemas) })),
        body: body === undefined ? undefined : resolved(body, schemas),
        successes: successesOf(OPERATIONS[`${method} ${path}`]?.answers ?? {}),
        codes: codesOf(documented),
      }
    }),
    memberFrame: resolved(schemas.LinkFrameOfMember, schemas),
    serverFrame: resolved(schemas.LinkFrameOfServer, schemas),
  }
}

const successesOf = (answers: Readonly<Record<number, Answer>>): Route['successes'] =>
  new Map(
    Object.entries(answers).map(([status, { type = 'application/json', schema }]) => [
      Number(status),
      { type, check: type === 'application/json' && schema !== undefined ? compile(schema) : undefined },
    ]),
  )

const codesOf = ({ responses }: DocumentedOperation): Route['codes'] =>
  new Map(
    Object.entries(responses)
      .filter(([status]) => Number(status) >= 400)
      .map(([status, { content }]) => [Number(status), new Set(enumOf(content?.['application/json']?.schema))]),
  )

/** The codes that an error's schema narrows the general one to: the only `enum` in it. */
const enumOf = (schema: unknown): readonly string[] => {
  if (typeof schema !== 'object' || schema === null) return []
  if ('enum' in schema && Array.isArray(schema.enum)) return schema.enum as string[]
  return Object.values(schema).flatMap(enumOf)
}

/** What is wrong with the body of a refusal, whatever it refuses. */
export const checkError: Check = compile(errorAnswer())
