import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { type Block, blocksIn, documents } from './support/documents/blocks.ts'
import { Scene } from './support/documents/shell.ts'
import { endAll } from './support/processes.ts'

// What a page says in a shell is run from top to bottom, by somebody who has a cluster or a server with members where the page has one.

/** What is not run here, and why. It is short. */
const NOT_RUN: readonly { readonly having: RegExp; readonly because: string }[] = [
  {
    having: /^ *(docker|kubectl|useradd) /m,
    because: 'it takes Docker, Kubernetes or root: deploy-image and deploy-voters run what these start',
  },
]

const isRun = ({ code }: Block) => !NOT_RUN.some(({ having }) => having.test(code))
const blocks = [...documents()].flatMap(([file, text]) => blocksIn(file, text))
const shells = blocks.filter((block) => block.language === 'sh' && isRun(block))
const pages = new Set(shells.map(({ file }) => file))

const home = mkdtempSync(join(tmpdir(), 'caucus-shell-'))
afterAll(async () => {
  await endAll()
  rmSync(home, { recursive: true, force: true })
})

describe('what the documents say in a shell', () => {
  test.concurrent.for([...pages])('does what it says: %s', { timeout: 240_000 }, async (file, { expect }) => {
    const page = shells.filter((block) => block.file === file)
    const text = page.map(({ code }) => code).join('\n')
    await using scene = await Scene.open(join(home, file.replaceAll(/\W/g, '-')), text)
    const { code, late, stdout, stderr } = await scene.run(page)
    expect({ code, late, said: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, late: false, said: '' })
  })
})
