import { readFileSync } from 'node:fs'

/** The version of the package that this file belongs to; from src/cli and dist/cli it is equally far. */
export const readVersion = (): string => {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return version
}
