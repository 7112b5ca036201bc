import type { Random } from '../../core/random.ts'
import { between, oneOf, percent } from './draw.ts'
import { Fields, isList, type Json } from './json.ts'

/** A JSON Schema as it stands in the OpenAPI document, once its references are replaced. */
export interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly maxItems?: number
  readonly pattern?: string
}

/** Where the values of an example come from besides its schema. */
export interface Source {
  readonly random: Random
  /** A name for a field that takes a text: from few, so that requests meet. */
  name(field: string): string
  /** What was answered before under the name of this field. */
  known(field: string): unknown
}

/** The schema without references. */
export const resolved = (schema: unknown, components: Readonly<Record<string, unknown>>): JsonSchema => {
  if (typeof schema !== 'object' || schema === null) return schema as JsonSchema
  if (Array.isArray(schema)) return schema.map((each) => resolved(each, components)) as JsonSchema
  if ('$ref' in schema) return resolved(components[String(schema.$ref).split('/').at(-1) ?? ''], components)
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value, components)]))
}

const MOST_ITEMS = 4

/** Anything that fits the schema: mostly small, at times at its limits. `field` is the name that it goes by. */
export const exampleOf = (schema: JsonSchema, source: Source, field = ''): Json => {
  const { random } = source
  if ('const' in schema) return schema.const as Json
  if (schema.enum !== undefined) return oneOf(random, schema.enum) as Json
  if (schema.anyOf !== undefined) return exampleOf(oneOf(random, schema.anyOf), source, field)
  switch (schema.type) {
    case 'object':
      return objectOf(schema, source)
    case 'array': {
      const length = random.below(Math.min(schema.maxItems ?? MOST_ITEMS, MOST_ITEMS) + 1)
      return Array.from({ length }, () => exampleOf(schema.items ?? {}, source, field))
    }
    case 'integer':
    case 'number':
      return numberOf(schema, source, field)
    case 'boolean':
      return percent(random, 50)
    case 'string':
      return textIn(schema, source, field)
    default:
      return oneOf<Json>(random, [null, 1, 'a', [], new Fields([['zone', 'a']]), [new Fields([['a', [1, 2]]])]])
  }
}

const objectOf = ({ properties = {}, required = [] }: JsonSchema, source: Source): Fields =>
  new Fields(
    Object.entries(properties)
      .filter(([name]) => required.includes(name) || percent(source.random, 40))
      .map(([name, each]) => [name, exampleOf(each, source, name)] as const),
  )

const numberOf = (schema: JsonSchema, { random, known }: Source, field: string): number => {
  const { minimum = schema.exclusiveMinimum === undefined ? 0 : 1, maximum = Number.MAX_SAFE_INTEGER } = schema
  const before = known(field)
  if (typeof before === 'number' && percent(random, 50))
    return fitted(before + oneOf(random, [0, 0, 0, 1, 1, -1]), schema) as number
  if (percent(random, 85)) return Math.min(maximum, minimum + random.below(6))
  return percent(random, 50) ? oneOf(random, [minimum, maximum]) : between(random, minimum, maximum)
}

/** The same with every number within the limits of its schema. */
export const fitted = (json: Json, schema: JsonSchema): Json => {
  const { properties = {}, items = {}, minimum = Number.NEGATIVE_INFINITY, maximum = Number.MAX_SAFE_INTEGER } = schema
  if (typeof json === 'number') return Math.min(maximum, Math.max(minimum, json))
  if (isList(json)) return json.map((each) => fitted(each, items))
  if (!(json instanceof Fields)) return json
  return new Fields(json.entries.map(([name, value]) => [name, fitted(value, properties[name] ?? {})] as const))
}

const textIn = ({ pattern }: JsonSchema, { random, name, known }: Source, field: string): string => {
  const before = known(field)
  if (typeof before === 'string' && percent(random, 30)) return before
  const drawn = name(field)
  // The few patterns that no name fits are of numbers with a dash, such as a revision.
  return pattern === undefined || new RegExp(pattern, 'u').test(drawn)
    ? drawn
    : `${random.below(2 ** 31)}-${random.below(100)}`
}
