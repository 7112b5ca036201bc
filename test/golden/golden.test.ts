import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tell } from './story.ts'

const here = dirname(fileURLToPath(import.meta.url))
const scripts = readdirSync(here).filter((name) => name.endsWith('.script'))

/** After a wanted change: `npx vitest run test/golden --update`, and read what changed. */
test.each(scripts)('%s is told as before', async (name) => {
  const told = tell(readFileSync(`${here}/${name}`, 'utf8'))
  await expect(told).toMatchFileSnapshot(name.replace('.script', '.trace'))
})
