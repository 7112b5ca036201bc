// How much a browser loads, compressed as a server sends it: for the first view, and in all. Fails above the limit.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const LIMIT_BYTES = 150 * 1024

const folder = fileURLToPath(new URL('../dist/web/', import.meta.url))
const index = readFileSync(join(folder, 'index.html'))
const packed = (bytes) => gzipSync(bytes, { level: 9 }).length
const files = readdirSync(join(folder, 'assets')).map((name) => ({
  name,
  bytes: packed(readFileSync(join(folder, 'assets', name))),
  isFirst: index.includes(name),
}))
const sum = (some) => some.reduce((total, { bytes }) => total + bytes, packed(index))
const first = sum(files.filter(({ isFirst }) => isFirst))

for (const { name, bytes, isFirst } of files)
  console.log(`${String(bytes).padStart(8)}  ${name}${isFirst ? '' : ' (later)'}`)
console.log(`${String(first).padStart(8)}  the first view, of at most ${LIMIT_BYTES}`)
console.log(`${String(sum(files)).padStart(8)}  everything`)
if (first > LIMIT_BYTES) process.exitCode = 1
