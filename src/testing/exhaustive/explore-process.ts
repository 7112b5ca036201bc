import { explore } from './explore.ts'
import type { Ask, Found } from './explore-built.ts'
import { SCENES } from './scenes.ts'

/** Runs in a bared copy: explores what its argument asks for, and prints each result as a line. */
const asks: readonly Ask[] = JSON.parse(process.argv[2] ?? '[]')
for (const { scene: name, depth, troubles } of asks) {
  const scene = SCENES.find((candidate) => candidate.name === name)
  if (scene === undefined) throw new Error(`there is no scene "${name}"`)
  const startedAt = performance.now()
  const found: Found = { ...explore(scene, depth, troubles), seconds: (performance.now() - startedAt) / 1000 }
  process.stdout.write(`${JSON.stringify(found)}\n`)
}
