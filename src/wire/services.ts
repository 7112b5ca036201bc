import type { Renew } from '../core/group/messages.ts'
import { MAX_HOST_LENGTH, MAX_PORT } from '../core/registry/address.ts'
import type { InstanceFilter } from '../core/registry/filter.ts'
import type * as core from '../core/registry/instance.ts'
import {
  isStatus,
  labelFault,
  MAX_TAG_LENGTH,
  MAX_TAGS,
  readRecord,
  STATUSES,
  tagsFault,
} from '../core/registry/instance.ts'
import { groupOfService, MAX_SERVICE_NAME_BYTES, serviceNameFault } from '../core/registry/services.ts'
import type * as view from '../core/registry/view.ts'
import { bootIdFault, memberFault, metadataFault } from './faults.ts'
import { MemberId, Revision } from './http.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_WEIGHT } from './limits.ts'
import { idSchema, type Same } from './schemas.ts'
import type { Static } from './type.ts'
import * as Type from './type.ts'
import { compile, parseJson } from './validate.ts'

const strict = { additionalProperties: false }
const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Label = Type.String({ minLength: 1, maxLength: MAX_TAG_LENGTH, description: 'Printable characters.' })
const Status = Type.Union([Type.Literal('up'), Type.Literal('draining'), Type.Literal('critical')])

export const ServiceName = idSchema(
  MAX_SERVICE_NAME_BYTES,
  `The name of a service: 1 to ${MAX_SERVICE_NAME_BYTES} bytes of UTF-8 without control characters, and neither "." nor ".."`,
)

const OF_RECORD = {
  host: Type.String({
    minLength: 1,
    maxLength: MAX_HOST_LENGTH,
    description: 'A host name, an IPv4 address, or an IPv6 address without brackets; one that others can connect to.',
  }),
  port: Type.Integer({ minimum: 1, maximum: MAX_PORT }),
}
const Tags = Type.Array(Label, { maxItems: MAX_TAGS })
const Weight = Type.Integer({
  minimum: 0,
  maximum: MAX_WEIGHT,
  description: 'How many times as much it can take as one of weight 1; one of weight 0 is picked by nobody.',
})
const Metadata = Type.Unknown({
  description: `For the others to read. The whole instance is up to ${MAX_METADATA_BYTES} bytes of JSON, ${MAX_METADATA_DEPTH} levels deep.`,
})

/** What an instance says of itself, as others see it. */
export const InstanceRecord = Type.Object({
  ...OF_RECORD,
  tags: Tags,
  zone: Type.Optional(Label),
  weight: Weight,
  status: Status,
  metadata: Type.Optional(Type.Unknown()),
})

export const Instance = Type.Object(
  { id: Type.String(), incarnation: Whole, ...InstanceRecord.properties },
  { description: 'An instance of a service as others see it.' },
)

/** The body of `PUT /v1/services/{name}/instances/{id}`: everything that the instance says of itself, each time. */
export const InstanceBody = Type.Object(
  {
    bootId: idSchema(256, 'Random, one per run of the process'),
    sequence: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Rises with every call of this run. An older one is refused.',
    }),
    incarnation: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'That of the last answer, if there was one: so an older process never takes the place of a newer one.',
      }),
    ),
    ...OF_RECORD,
    tags: Type.Optional(Type.Array(Label, { maxItems: MAX_TAGS, description: 'No tag twice.' })),
    zone: Type.Optional(Label),
    weight: Type.Optional(Weight),
    status: Type.Optional(Status),
    metadata: Type.Optional(Metadata),
  },
  strict,
)

/** The query of `GET /v1/services/{name}`. */
export const ServiceQuery = Type.Object(
  {
    tag: Type.Optional(Type.Array(Label, { description: 'It has all of these; may be given many times.' })),
    zone: Type.Optional(Label),
    status: Type.Optional(
      Type.Union([...STATUSES.map((status) => Type.Literal(status)), Type.Literal('any')], {
        description: 'Default: `up`.',
      }),
    ),
  },
  strict,
)

export const Registered = Type.Object({
  incarnation: Whole,
  sequence: Whole,
  leaseMs: Type.Number({ description: 'Renew several times in this; without a renewal the instance is withdrawn.' }),
})

export const ServiceView = Type.Object(
  {
    name: Type.String(),
    revision: Revision,
    instances: Type.Array(Instance),
    incompleteForMs: Type.Number({
      minimum: 0,
      description:
        'For so long at most, instances from before the start of the server may still come back; 0: these are all.',
    }),
  },
  { description: 'A service as it is now. Events after `revision` go on from here without a gap.' },
)

export const Services = Type.Object({
  services: Type.Array(Type.Object({ name: Type.String(), instances: Whole, up: Whole })),
})

const checkBody = compile(InstanceBody)
const checkName = compile(ServiceName)
const checkId = compile(MemberId)

/** Says what is wrong with the service or the instance of a path. */
export const servicePathFault = (name: string, id?: string): string | undefined =>
  serviceNameFault(name) ??
  checkName(name) ??
  (id === undefined ? undefined : (memberFault(id)?.replace('member id', 'instance id') ?? checkId(id)))

/** The renewal that a PUT means to a coordinator of this generation, or, as a string, what is wrong with it. */
export const decodeInstanceBody = (
  { name, id, generation }: { readonly name: string; readonly id: string; readonly generation: number },
  text: string,
): Renew | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the body ${json}`
  const fault = fieldsFault(json.value) ?? checkBody(json.value)
  if (fault !== undefined) return /^(?:must|has|lacks)/.test(fault) ? `the body ${fault}` : fault
  const { bootId, sequence, incarnation, ...said } = json.value as Static<typeof InstanceBody>
  const record = readRecord(said)
  if (typeof record === 'string') return record
  const whole = bootIdFault(bootId) ?? metadataFault(said, 'the instance')
  if (whole !== undefined) return whole
  return {
    type: 'renew',
    group: groupOfService(name),
    member: id,
    bootId,
    sequence,
    order: 0,
    // It says that it was admitted before, and by whom does not matter: nothing is held.
    ...(incarnation !== undefined && { incarnation, generation }),
    share: 'none',
    metadata: record,
    holding: [],
    draining: [],
    acknowledged: [],
  }
}

/** What is wrong with a field that is there, in the words that help most. */
const fieldsFault = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { host, port } = value as { readonly host?: unknown; readonly port?: unknown }
  if (host === undefined || port === undefined) return undefined
  const read = readRecord(value)
  return typeof read === 'string' ? read : undefined
}

/** What a query asks for, or, as a string, what is wrong with it. */
export const decodeServiceQuery = (query: URLSearchParams): InstanceFilter | string => {
  for (const name of query.keys()) {
    if (!Object.hasOwn(ServiceQuery.properties, name))
      return 'the query may have tag, zone and status, and nothing else'
    if (name !== 'tag' && query.getAll(name).length > 1) return `${name} is given twice`
  }
  const tags = [...new Set(query.getAll('tag'))]
  const zone = query.get('zone')
  const status = query.get('status') ?? 'up'
  const fault = tagsFault(tags) ?? (zone === null ? undefined : labelFault(zone, 'zone'))
  if (fault !== undefined) return fault
  if (status !== 'any' && !isStatus(status)) return `status must be one of ${STATUSES.join(', ')} and any`
  return { tags, ...(zone !== null && { zone }), status }
}

type Unordered<T> = T extends object ? { [Field in keyof T]: T[Field] } : T

// Does not compile once a schema and the core's type of the same thing have come apart.
const agrees: [
  Same<typeof InstanceRecord, Unordered<core.InstanceRecord>>,
  Same<typeof Instance, Unordered<core.Instance>>,
  Same<typeof Services, { services: readonly view.ServiceCount[] }>,
] = [true, true, true]
void agrees
