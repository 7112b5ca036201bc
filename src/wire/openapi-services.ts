import * as answers from './answers.ts'
import { LeaveQuery, MemberId, Revision } from './http.ts'
import { json, type Operation } from './openapi-operation.ts'
import { InstanceBody, Registered, ServiceName, ServiceQuery, Services, ServiceView } from './services.ts'
import * as Type from './type.ts'

const ofService = Type.Object({ service: ServiceName })
const ofInstance = Type.Object({ service: ServiceName, instance: MemberId })

const STREAM = Type.Unsafe<string>({
  type: 'string',
  contentMediaType: 'text/event-stream',
  contentSchema: Type.Array(Type.Union([answers.Recorded, answers.Gap])),
  description:
    'Server-sent events without an end. The data of each is one of the items of `contentSchema`, as JSON in one line.',
})

/** The registry, by method and path. */
export const SERVICE_OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/services': {
    id: 'listServices',
    tag: 'services',
    summary: 'All services in which somebody is and that the caller may read',
    answers: { 200: json('All of them, with how many instances they have.', Services) },
    errors: [],
  },
  'GET /v1/services/:service': {
    id: 'getService',
    tag: 'services',
    summary: 'The instances of a service',
    description: 'By tag, zone and status. A service that nobody has registered for has none; that is no error.',
    params: ofService,
    query: ServiceQuery,
    answers: { 200: json('Who is there now, by id.', ServiceView) },
    errors: [],
  },
  'PUT /v1/services/:service/instances/:instance': {
    id: 'registerInstance',
    tag: 'services',
    summary: 'Registers an instance, renews its registration, and changes what it says',
    description:
      'The body is everything that the instance says of itself, each time. Without a renewal for the lease that is answered (and a little more) the instance is withdrawn. A body with an unknown field is refused.',
    params: ofInstance,
    body: InstanceBody,
    answers: { 200: json('It is registered.', Registered) },
    errors: ['CAUCUS_CONFLICT', 'CAUCUS_FENCED'],
  },
  'DELETE /v1/services/:service/instances/:instance': {
    id: 'withdrawInstance',
    tag: 'services',
    summary: "The instance's own leave, or an eviction by somebody else",
    description:
      "With all three of the query it is the instance's own leave. With none of them it is an eviction: its process is fenced. Anything else is refused.",
    params: ofInstance,
    query: Type.Partial(LeaveQuery),
    answers: { 200: json('It is done.', Type.Union([answers.Evicted, answers.HasLeft])) },
    errors: ['CAUCUS_CONFLICT', 'CAUCUS_NOT_FOUND'],
  },
  'GET /v1/services/:service/events': {
    id: 'streamServiceEvents',
    tag: 'services',
    summary: 'The events of a service as they happen',
    description: 'From now on, or after a revision. Something that is forgotten already is told as a `gap`.',
    params: ofService,
    query: Type.Object({ after: Type.Optional(Revision) }),
    headers: Type.Object({ 'Last-Event-ID': Type.Optional(Revision) }),
    answers: { 200: { description: 'The stream.', type: 'text/event-stream', schema: STREAM } },
    errors: [],
  },
}
