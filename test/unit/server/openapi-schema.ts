import fc from 'fast-check'

/** A schema as it stands in the document, once its references are replaced. */
export interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly additionalProperties?: boolean
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

/** The same without references. */
export const resolved = (schema: unknown, document: OpenApi): JsonSchema => {
  if (typeof schema !== 'object' || schema === null) return schema as JsonSchema
  if (Array.isArray(schema)) return schema.map((each) => resolved(each, document)) as JsonSchema
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '')
    return resolved(document.components.schemas[name], document)
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value, document)]))
}

/** The same, in which an object has the fields that are named and no others: whoever says more than is documented is found out. */
export const closed = (schema: unknown): unknown => {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(closed)
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  const isNamed = 'properties' in schema && Object.keys((schema as JsonSchema).properties ?? {}).length > 0
  return isNamed ? { ...inner, additionalProperties: false } : inner
}

/** Within the limits of metadata, which no schema can say. */
const isModest = (json: string): boolean => json.length < 1_000 && !json.includes('__proto__')

/** Anything that fits. */
export const arbitraryOf = (schema: JsonSchema): fc.Arbitrary<unknown> => {
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(arbitraryOf))
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, arbitraryOf(each)] as const)
      return fc.record(Object.fromEntries(fields), {
        requiredKeys: [...(schema.required ?? [])],
        noNullPrototype: true,
      })
    }
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 8, 8) })
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? Number.MAX_SAFE_INTEGER })
    case 'boolean':
      return fc.boolean()
    case 'string': {
      const pattern = new RegExp(schema.pattern ?? '', 'u')
      // Of a few, each of which may take thirty bytes: the limits are in bytes.
      return fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((text) => pattern.test(text))
    }
    default:
      return fc.jsonValue({ maxDepth: 3 }).filter((value) => isModest(JSON.stringify(value)))
  }
}

export interface Spoilt {
  readonly what: string
  readonly value: unknown
}

/** Everything that breaks one rule of the schema in a value that fits it. */
export const spoilt = (schema: JsonSchema, value: unknown, where = ''): readonly Spoilt[] => {
  const at = where === '' ? 'the whole' : where
  if (schema.anyOf !== undefined) return [{ what: `${at} is none of its kinds`, value: 'none of them' }]
  if ('const' in schema) return [{ what: `${at} is another constant`, value: 2 }]
  switch (schema.type) {
    case 'object':
      return spoiltObject(schema, value as Readonly<Record<string, unknown>>, where)
    case 'array': {
      const [first] = value as readonly unknown[]
      const long = Array.from({ length: (schema.maxItems ?? 0) + 1 }, (_, item) => ({ item, epoch: 1 }))
      return [
        { what: `${at} is no array`, value: {} },
        { what: `${at} is too long`, value: long },
        ...spoilt(schema.items ?? {}, first, `${where}.0`).map(({ what, value: bad }) => ({ what, value: [bad] })),
      ]
    }
    case 'integer':
      return [
        { what: `${at} is a text`, value: '1' },
        { what: `${at} is a fraction`, value: (schema.minimum ?? 0) + 0.5 },
        { what: `${at} is too small`, value: (schema.minimum ?? 0) - 1 },
        { what: `${at} is too large`, value: (schema.maximum ?? 0) + 1 },
        { what: `${at} is null`, value: null },
      ]
    case 'boolean':
      return [{ what: `${at} is a text`, value: 'true' }]
    case 'string':
      return [
        { what: `${at} is a number`, value: 1 },
        { what: `${at} is empty`, value: '' },
        { what: `${at} is too long`, value: 'x'.repeat((schema.maxLength ?? 0) + 1) },
        { what: `${at} breaks its pattern`, value: 'a\u0007' },
      ]
    default:
      return []
  }
}

const spoiltObject = (
  { properties = {}, required = [], additionalProperties }: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  where: string,
): readonly Spoilt[] => {
  const at = where === '' ? 'the whole' : where
  const wrong: Spoilt[] = [
    { what: `${at} is null`, value: null },
    { what: `${at} is an array`, value: [] },
  ]
  if (additionalProperties === false) wrong.push({ what: `${at} has another field`, value: { ...value, another: 1 } })
  for (const name of required) {
    const { [name]: _left, ...rest } = value
    wrong.push({ what: `${at} lacks ${name}`, value: rest })
  }
  for (const [name, each] of Object.entries(properties)) {
    const inner = spoilt(each, value[name], where === '' ? name : `${where}.${name}`)
    wrong.push(...inner.map(({ what, value: bad }) => ({ what, value: { ...value, [name]: bad } })))
  }
  return wrong
}
