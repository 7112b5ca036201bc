import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import * as answers from './answers.ts'
import { AskLine } from './ask-lines.ts'
import { RenewAnswer, RenewBody } from './http.ts'
import type { Answer, Operation } from './openapi-operation.ts'
import { OPERATIONS } from './openapi-operations.ts'
import { Hello, Holding, Leave, Left, Refused, Renew, ShareKind, ShareMessage } from './schemas.ts'
import * as services from './services.ts'
import { AskSight, AsksSeen, TopicRates } from './topic-asks.ts'
import type { TObject, TSchema } from './type.ts'
import * as Type from './type.ts'
import { LINK_SUBPROTOCOLS } from './versions.ts'

/** A route as it was registered, `HEAD` beside `GET` included. */
export interface Route {
  readonly method: string
  readonly path: string
}

type Json = { readonly [name: string]: unknown }

const ErrorAnswer = answers.errorAnswer()
const frameOf = (...messages: readonly TSchema[]): TSchema => Type.Array(Type.Union([...messages]))

/** What has a name of its own in the document; everything else stands where it is used. */
const COMPONENTS: Readonly<Record<string, TSchema>> = {
  Group: answers.GroupView,
  Member: answers.MemberView,
  KeptPlace: answers.KeptPlace,
  Groups: answers.Groups,
  Guarantees: answers.Guarantees,
  Health: answers.Health,
  Readiness: answers.Readiness,
  Leader: answers.Leader,
  Peers: answers.Peers,
  Status: answers.Status,
  GroupEvent: answers.GroupEvents,
  RecordedEvent: answers.Recorded,
  Gap: answers.Gap,
  History: answers.History,
  Renewal: RenewBody,
  Share: RenewAnswer,
  ShareKind,
  Holding,
  Instance: services.Instance,
  InstanceRecord: services.InstanceRecord,
  Registration: services.InstanceBody,
  Registered: services.Registered,
  Service: services.ServiceView,
  Services: services.Services,
  Topic: answers.TopicView,
  Topics: answers.Topics,
  TopicRates,
  AskSight,
  AsksSeen,
  AskLine,
  ErrorBody: answers.AnyError,
  ErrorAnswer,
  LinkFrameOfMember: frameOf(Renew, Leave),
  LinkFrameOfServer: frameOf(Hello, ShareMessage, Refused, Left),
}

/** May be the answer to any request, whatever its route. */
const OF_ALL: readonly ErrorCode[] = [
  'CAUCUS_INVALID_ARGUMENT',
  'CAUCUS_PROTOCOL',
  'CAUCUS_UNAUTHORIZED',
  'CAUCUS_FORBIDDEN',
  'CAUCUS_TOO_LARGE',
  'CAUCUS_OVERLOADED',
  'CAUCUS_BACKEND',
  'CAUCUS_CLOSED',
  'CAUCUS_UNAVAILABLE',
  'CAUCUS_TIMEOUT',
]

/** The same of a peer that passes it on to whoever leads. */
const OF_A_PEER: readonly ErrorCode[] = ['CAUCUS_NO_QUORUM', 'CAUCUS_NOT_LEADER', 'CAUCUS_CONNECTION_LOST']

/** The OpenAPI 3.1 document of the routes that a server really has. Throws for a route that nobody has described. */
export const openApiDocument = (routes: readonly Route[], version: string): Json => {
  const paths: Record<string, Record<string, unknown>> = {}
  const general = routes.some(({ path }) => path === '/v1/leader') ? [...OF_ALL, ...OF_A_PEER] : OF_ALL
  for (const { method, path } of routes) {
    const operation = OPERATIONS[`${method === 'HEAD' ? 'GET' : method} ${path}`]
    if (operation === undefined) throw new Error(`${method} ${path} has no operation in openapi-operations.ts`)
    const templated = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[templated] = { ...paths[templated], [method.toLowerCase()]: described(operation, method === 'HEAD', general) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Caucus',
      version,
      summary: 'Groups of live members that split work among them',
      description:
        'Bodies of requests are closed: an unknown field is refused. Answers are open: they may gain fields, and a client leaves out those that it does not know. What is stable: docs/stability.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The server that this document is from.' }],
    security: [{ bearer: [] }, { mutualTLS: [] }, {}],
    tags: [
      { name: 'groups', description: 'Who is there, and with what share' },
      { name: 'services', description: 'Who serves what, and where' },
      { name: 'topics', description: 'Asking everybody' },
      { name: 'operations', description: 'For operators and their machines' },
      { name: 'leadership', description: 'Who leads a cluster of peers; of those only' },
      { name: 'link', description: 'The connection of the SDK' },
      { name: 'bloc', description: 'The wire of unmodified bloc clients' },
    ],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(COMPONENTS).map(([name, schema]) => [name, rendered(schema, name)])),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token that the server knows. What it may do stands in its entry there.',
        },
        mutualTLS: { type: 'mutualTLS', description: 'A certificate that the authority of the server has signed.' },
      },
    },
  }
}

const described = (operation: Operation, isHead: boolean, general: readonly ErrorCode[]): Json => {
  const { id, tag, summary, description, body, takesBytes = false, isOpen = false } = operation
  const { isBodyOptional = false } = operation
  return {
    operationId: isHead ? `${id}Head` : id,
    tags: [tag],
    summary: isHead ? `${summary}: only the head of the answer` : summary,
    ...(description !== undefined && { description }),
    ...(isOpen && { security: [] }),
    parameters: parametersOf(operation),
    ...(body !== undefined && {
      requestBody: {
        required: !isBodyOptional,
        content: {
          'application/json': { schema: rendered(body) },
          ...(takesBytes && { 'application/octet-stream': {} }),
        },
      },
    }),
    responses: { ...answersOf(operation, isHead), ...errorsOf(operation, isHead, general) },
    ...(tag === 'link' && {
      'x-caucus-link': {
        subprotocols: LINK_SUBPROTOCOLS,
        fromMember: { $ref: '#/components/schemas/LinkFrameOfMember' },
        fromServer: { $ref: '#/components/schemas/LinkFrameOfServer' },
      },
    }),
  }
}

const parametersOf = ({ params, query, headers }: Operation): readonly Json[] => [
  ...parametersIn('path', params),
  ...parametersIn('query', query),
  ...parametersIn('header', headers),
]

const parametersIn = (where: string, schema: TObject | undefined): readonly Json[] =>
  Object.entries(schema?.properties ?? {}).map(([name, each]) => {
    const { description, ...rest } = each as TSchema & { description?: string }
    return {
      name,
      in: where,
      required: schema?.required?.includes(name) === true,
      ...(description !== undefined && { description }),
      schema: rendered(rest as TSchema),
    }
  })

const answersOf = ({ answers: all }: Operation, isHead: boolean): Json =>
  Object.fromEntries(Object.entries(all).map(([status, answer]) => [status, answerOf(answer, isHead)]))

const answerOf = ({ description, type = 'application/json', schema, headers }: Answer, isHead: boolean): Json => ({
  description,
  ...(headers !== undefined && {
    headers: Object.fromEntries(
      Object.entries(headers.properties).map(([name, each]) => [name, { schema: rendered(each) }]),
    ),
  }),
  ...(schema !== undefined && !isHead && { content: { [type]: { schema: rendered(schema) } } }),
})

/** By status. */
const HEADERS: Readonly<Record<number, Json>> = {
  [ERROR_CODES.CAUCUS_OVERLOADED.status]: {
    'Retry-After': { description: 'In seconds.', schema: { type: 'integer' } },
  },
  [ERROR_CODES.CAUCUS_UNAUTHORIZED.status]: {
    'WWW-Authenticate': { description: 'How to say who asks.', schema: { type: 'string', const: 'Bearer' } },
  },
}

/** One answer for each status, with the codes that it may have here. */
const errorsOf = ({ errors, isOpen = false }: Operation, isHead: boolean, general: readonly ErrorCode[]): Json => {
  const codes = [...new Set([...errors, ...general])].filter((code) => !(isOpen && code === 'CAUCUS_UNAUTHORIZED'))
  const statuses = [...new Set(codes.map((code) => ERROR_CODES[code].status))].sort()
  return Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => ERROR_CODES[code].status === status)
      const headers = HEADERS[status]
      const narrowed = { properties: { error: { properties: { code: { enum: ofStatus } } } } }
      const schema = { allOf: [{ $ref: '#/components/schemas/ErrorAnswer' }, narrowed] }
      return [
        status,
        {
          description: ofStatus.map((code) => `\`${code}\``).join(', '),
          ...(headers !== undefined && { headers }),
          ...(!isHead && { content: { 'application/json': { schema } } }),
        },
      ]
    }),
  )
}

/** By their text, since a copy of a schema (that of an optional field) is the same schema. */
const NAMES = new Map(Object.entries(COMPONENTS).map(([name, schema]) => [JSON.stringify(schema), name]))

/** The schema as JSON, with a reference wherever it contains one that has a name. `own`: the name of the whole. */
const rendered = (schema: unknown, own?: string): unknown => {
  if (typeof schema !== 'object' || schema === null) return schema
  const name = NAMES.get(JSON.stringify(schema))
  if (name !== undefined && name !== own) return { $ref: `#/components/schemas/${name}` }
  if (Array.isArray(schema)) return schema.map((each) => rendered(each))
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, rendered(value)]))
}
