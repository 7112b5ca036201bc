import { readFileSync } from 'node:fs'

/** Of this package, for `/healthz`. */
export const readVersion = (): string => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
