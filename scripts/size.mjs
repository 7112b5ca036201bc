// How much a browser loads, compressed as a server sends it, for the first view and in all, and how long the first view takes on loopback. Fails
// above the limits. Without Chromium only the first half is known.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { chromiumPath, firstView, openBrowser } from './browser.mjs'

const LIMIT_BYTES = 150 * 1024
const LIMIT_MS = 1_000
const VISITS = 7

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'dist/web')
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
console.log(`${String(first).padStart(8)}  bytes of the first view, of at most ${LIMIT_BYTES}`)
console.log(`${String(sum(files)).padStart(8)}  bytes of everything`)
if (first > LIMIT_BYTES) process.exitCode = 1

/** The median of several visits by readers who have never been here. */
const visit = async () => {
  const args = ['bin/caucus.js', 'serve', '--listen', '127.0.0.1:0', '--fresh', '--log-level', 'error']
  const server = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const browser = await openBrowser()
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const [, url] = /^listening on (\S+)$/.exec(line) ?? []
      if (url === undefined) continue
      const took = []
      for (let i = 0; i < VISITS; i++) took.push(await firstView(browser, url))
      return took.sort((a, b) => a - b)[Math.floor(VISITS / 2)]
    }
    throw new Error('the server ended before it listened')
  } finally {
    await browser.close()
    server.kill()
  }
}

if (chromiumPath() === undefined)
  console.log('       –  ms to the first view: no Chromium is here (CHROMIUM_PATH names one)')
else {
  const tookMs = Math.round(await visit())
  console.log(
    `${String(tookMs).padStart(8)}  ms to the first view, of at most ${LIMIT_MS} (median of ${VISITS} visits)`,
  )
  if (tookMs > LIMIT_MS) process.exitCode = 1
}
