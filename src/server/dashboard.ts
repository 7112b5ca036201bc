import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { notFound } from './answers.ts'

export const PAGE_PATH = '/'
export const ASSET_ROUTE = '/assets/:file'

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string
  readonly etag: string
  readonly bytes: Buffer
  /** The same, where that is shorter. */
  readonly gzip: Buffer | undefined
}

export interface Page {
  readonly index: PageFile
  /** By name. The name has a hash of what is in it. */
  readonly assets: ReadonlyMap<string, PageFile>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing but what this server sends runs or is asked, and nobody may put the page into one of their own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  vary: 'accept-encoding',
}

/** Reads a built page; `undefined` where there is none. */
export const readPage = (folder: string): Page | undefined => {
  if (!existsSync(join(folder, 'index.html'))) return undefined
  const assets = new Map<string, PageFile>()
  for (const name of readdirSync(join(folder, 'assets'))) assets.set(name, readPageFile(join(folder, 'assets', name)))
  return { index: readPageFile(join(folder, 'index.html')), assets }
}

const readPageFile = (path: string): PageFile => pageFileOf(readFileSync(path), path)

const pageFileOf = (bytes: Buffer, path: string): PageFile => {
  const gzip = gzipSync(bytes, { level: 9 })
  const type = TYPES[extname(path)] ?? 'application/octet-stream'
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return { type, etag, bytes, gzip: gzip.length < bytes.length ? gzip : undefined }
}

/** Beside the compiled server, and, where the sources run as they are, in what was built of them. */
const FOLDERS = ['../web/', '../../dist/web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)))

let known: Page | undefined
const builtPage = (): Page | undefined => {
  for (const folder of FOLDERS) known ??= readPage(folder)
  return known
}

/** The same page, which knows that it belongs to a demo and has its buttons. */
export const pageOfDemo = (): Page | undefined => {
  const page = builtPage()
  if (page === undefined) return undefined
  const html = page.index.bytes.toString('utf8').replace('<html ', '<html data-demo ')
  return { ...page, index: pageFileOf(Buffer.from(html), 'index.html') }
}

/** The page that shows all of this to people. It is the same for everybody, and has nothing in it until its reader's token is good. */
export const dashboardRoutes = (app: FastifyInstance, read: () => Page | undefined = builtPage): void => {
  const page = (): Page => {
    const found = read()
    if (found === undefined) throw notFound('dashboard in this build')
    return found
  }
  app.get(PAGE_PATH, (request, reply) => answer(request, reply, page().index, 'no-cache'))
  app.get<{ Params: { file: string } }>(ASSET_ROUTE, (request, reply) => {
    const file = page().assets.get(request.params.file)
    if (file === undefined) throw notFound('such file of the dashboard')
    return answer(request, reply, file, 'public, max-age=31536000, immutable')
  })
}

const answer = ({ headers }: FastifyRequest, reply: FastifyReply, file: PageFile, caching: string): FastifyReply => {
  reply.headers(HEADERS).header('cache-control', caching).header('etag', file.etag)
  if (headers['if-none-match'] === file.etag) return reply.code(304).send()
  reply.header('content-type', file.type)
  const { gzip } = file
  if (gzip === undefined || !takesGzip(headers['accept-encoding'])) return reply.send(file.bytes)
  return reply.header('content-encoding', 'gzip').send(gzip)
}

const takesGzip = (accepted: string | string[] | undefined): boolean =>
  /(?:^|,)\s*gzip\s*(?:;\s*q=(?:1|0?\.\d*[1-9]\d*)[^,]*)?(?:,|$)/i.test(String(accepted ?? ''))
