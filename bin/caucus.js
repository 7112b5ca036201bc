#!/usr/bin/env node
import { existsSync } from 'node:fs'

const entry = new URL('../dist/cli/main.js', import.meta.url)
if (existsSync(entry)) {
  const { main } = await import(entry.href)
  await main(process.argv.slice(2))
} else {
  process.stderr.write('caucus: this checkout has not been built; run `npm run build` in it\n')
  process.exitCode = 1
}
