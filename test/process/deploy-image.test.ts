import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../src/testing/servers/ports.ts'
import { repository, textOf, yamlOf } from '../unit/deploy/support.ts'
import { buildWithoutDocker, type Image } from './support/image.ts'
import { waitFor } from './support/wait.ts'

let folder: string
let image: Image
let port: number
const children = new Set<ReturnType<typeof spawn>>()

/** As its user, where these tests may become another one. */
const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}

/** Runs a command of the image with its file system below `root` and its port free on this machine. */
const started = (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const [file = '', ...args] = words.map((word) =>
    word.startsWith('/') ? join(image.root, word) : word.replace('0.0.0.0:8989', `127.0.0.1:${port}`),
  )
  const surroundings = { PATH: process.env.PATH, ...image.env, ...env }
  const child = spawn(file, args, { cwd: image.root, env: surroundings, stdio: ['ignore', 'pipe', 'pipe'], ...user })
  children.add(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, ended, said: () => said }
}
const health = async () => {
  const { ended, said } = started(image.healthcheck, { HEALTH_URL: `http://127.0.0.1:${port}/healthz` })
  return { code: await ended, said: said() }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-image-'))
  chmodSync(folder, 0o755)
  ;[port = 0] = await freePorts(1)
  image = buildWithoutDocker({
    dockerfile: textOf('deploy/Dockerfile'),
    ignored: textOf('deploy/Dockerfile.dockerignore'),
    context: repository,
    folder,
  })
  for (const [path, owner] of image.owners) {
    const [uid = 0, gid = 0] = owner.split(':').map(Number)
    if ('uid' in user) chownSync(join(image.root, path), uid, gid)
  }
}, 300_000)
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

describe('the image, built by the lines of the Dockerfile', () => {
  test('has what it runs, and none of what it was built with', () => {
    const packages = readdirSync(join(image.root, 'opt/caucus/node_modules'))
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'ws', 'commander']))
    expect(packages.filter((name) => /^(typescript|vitest|etcd3|yaml|kubernetes-types)$/.test(name))).toEqual([])
    expect(readdirSync(join(image.root, 'opt/caucus')).sort()).toEqual([
      'LICENSE',
      'bin',
      'dist',
      'healthcheck.mjs',
      'node_modules',
      'package.json',
    ])
  })

  test('does not run as root, and owns the folder of its data alone', () => {
    expect(image.user).toBe('1000:1000')
    const dataDir = image.command[image.command.indexOf('--data-dir') + 1] ?? ''
    expect(image.owners).toEqual(new Map([[dataDir, image.user]]))
    expect(statSync(join(image.root, dataDir)).isDirectory()).toBe(true)
    const [compose] = yamlOf('compose.yaml')
    expect(compose.services['caucus-0'].volumes).toEqual([`caucus-0:${dataDir}`])
  })

  test('has node in front of everything, without a shell or npm between it and signals', () => {
    expect(image.entrypoint).toEqual(['node', '/opt/caucus/bin/caucus.js'])
    expect(image.healthcheck[0]).toBe('node')
    expect(image.ports).toEqual(['8989'])
  })

  test('ends and says what is missing when it was given no token', async () => {
    // As it stands: beyond this machine. It must not come to listening.
    const [file = '', ...args] = [...image.entrypoint, ...image.command]
    const child = spawn(
      file,
      args.map((word) => (word.startsWith('/') ? join(image.root, word) : word)),
      {
        env: { PATH: process.env.PATH, ...image.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...user,
      },
    )
    children.add(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
    const [code] = await once(child, 'close')
    expect([code, said]).toEqual([1, expect.stringContaining('token')])
  })

  test('serves as written, is healthy while it does, and ends with 0 on SIGTERM', async () => {
    const tokens = join(folder, 'access.json')
    writeFileSync(tokens, JSON.stringify([{ name: 'ops', token: 'a-token-of-operators', role: 'admin' }]), {
      mode: 0o644,
    })
    expect(await health()).toMatchObject({ code: 1, said: expect.stringContaining('ECONNREFUSED') })
    const server = started([...image.entrypoint, ...image.command], { CAUCUS_TOKEN_FILE: tokens })
    await waitFor('the server in the image', () => {
      if (server.child.exitCode !== null) throw new Error(server.said())
      return server.said().includes('listening on')
    })
    expect(await health()).toEqual({ code: 0, said: '' })
    const asked = await fetch(`http://127.0.0.1:${port}/v1/status`, {
      headers: { authorization: 'Bearer a-token-of-operators' },
    })
    expect(await asked.json()).toMatchObject({ guarantees: { exclusion: 'fenced', survivesRestart: true } })
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    expect((await health()).code).toBe(1)
    // What it keeps is in its volume, and nowhere else.
    const data = join(image.root, 'var/lib/caucus')
    expect(readdirSync(data)).not.toEqual([])
    expect(existsSync(join(image.root, 'opt/caucus', '.tmp'))).toBe(false)
    expect(readFileSync(join(image.root, 'opt/caucus/package.json'), 'utf8')).toContain('"caucus"')
  })
})
