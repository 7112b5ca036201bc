/** A text that stands in JSON as it is, though nothing else could write it: a number with a leading zero, half an array. */
export class Verbatim {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An object whose keys may come twice, in any order, and be `__proto__`. */
export class Fields {
  readonly entries: readonly (readonly [key: string, value: Json])[]

  constructor(entries: readonly (readonly [key: string, value: Json])[]) {
    this.entries = entries
  }

  get(name: string): Json | undefined {
    return this.entries.find(([key]) => key === name)?.[1]
  }

  /** The same with other values for some keys, and with those that it had not. */
  with(values: Readonly<Record<string, Json | undefined>>): Fields {
    const given = Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined)
    const kept = this.entries.filter(([key]) => !(key in values))
    return new Fields([...kept, ...given])
  }
}

/** What JSON can say, and what it cannot but somebody may send: NaN, -0, lone surrogates, the same key twice. */
export type Json = null | boolean | number | string | Verbatim | Fields | readonly Json[]

export const isList = (json: Json): json is readonly Json[] => Array.isArray(json)

/** As text. Numbers that JSON has not are written as JavaScript writes them. */
export const textOf = (json: Json): string => {
  if (json instanceof Verbatim) return json.text
  if (json instanceof Fields) {
    return `{${json.entries.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`
  }
  if (isList(json)) return `[${json.map(textOf).join(',')}]`
  if (typeof json === 'number') return Object.is(json, -0) ? '-0' : String(json)
  return JSON.stringify(json)
}

/** A value that was parsed, for changing it. */
export const jsonOf = (value: unknown): Json => {
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value === 'object' && value !== null) {
    return new Fields(Object.entries(value).map(([key, each]) => [key, jsonOf(each)] as const))
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}
