import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'

/** What an image is when its build has ended. */
export interface Image {
  /** Its file system, but for what the base image brings. */
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly ports: readonly string[]
  /** Destinations in the image, and whose they are where the Dockerfile says so. */
  readonly owners: ReadonlyMap<string, string>
}

export interface BuildOptions {
  readonly dockerfile: string
  /** The text of the file of what is left out of the context. */
  readonly ignored: string
  readonly context: string
  /** Where the stages go. */
  readonly folder: string
}

interface Stage {
  readonly root: string
  readonly env: Record<string, string>
  readonly owners: Map<string, string>
  workdir: string
  user: string
  entrypoint: string[]
  command: string[]
  healthcheck: string[]
  ports: string[]
}

/**
 * Carries out a Dockerfile without Docker: each stage is a folder in place of its file system, and `RUN` is run there by the machine's own shell, node and
 * npm, as the tests' own user. It knows what our Dockerfile uses and throws at the rest, at whatever is not in the context, and at a `RUN` that names a path
 * outside of its stage.
 */
export const buildWithoutDocker = ({ dockerfile, ignored, context, folder }: BuildOptions): Image => {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  const allowed = ignored.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
  if (!ignored.split('\n').includes('*')) throw new Error('the context begins with everything; leave out * first')
  for (const { name, rest } of instructionsOf(dockerfile)) {
    if (name === 'ARG' && stage === undefined) continue
    if (name === 'FROM') {
      const [, alias = 'last'] = /^node:\$\{NODE_VERSION\}-bookworm-slim(?: AS (\w+))?$/.exec(rest) ?? fail(name, rest)
      stage = newStage(join(folder, alias))
      stages.set(alias, stage)
      continue
    }
    if (stage === undefined) throw new Error(`${name} comes before FROM`)
    if (name === 'WORKDIR') {
      stage.workdir = rest
      mkdirSync(join(stage.root, rest), { recursive: true })
    } else if (name === 'ENV') {
      const [, key = '', value = ''] = /^(\w+)=(\S+)$/.exec(rest) ?? fail(name, rest)
      stage.env[key] = value
    } else if (name === 'RUN') {
      if (/(^|\s)\//.test(rest)) fail(name, rest)
      const env = { ...process.env, ...stage.env, npm_config_prefer_offline: 'true', npm_config_loglevel: 'error' }
      execFileSync('sh', ['-ec', rest], {
        cwd: join(stage.root, stage.workdir),
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    } else if (name === 'COPY') copy(rest, stage, stages, context, allowed)
    else if (name === 'USER') stage.user = rest
    else if (name === 'EXPOSE') stage.ports.push(rest)
    else if (name === 'ENTRYPOINT') stage.entrypoint = wordsOf(rest)
    else if (name === 'CMD') stage.command = wordsOf(rest)
    else if (name === 'HEALTHCHECK') stage.healthcheck = wordsOf(rest.slice(rest.indexOf(' CMD ') + 5))
    else fail(name, rest)
  }
  if (stage === undefined) throw new Error('there is no FROM')
  return stage
}

const newStage = (root: string): Stage => {
  mkdirSync(root)
  return {
    root,
    env: {},
    owners: new Map(),
    workdir: '/',
    user: '',
    entrypoint: [],
    command: [],
    healthcheck: [],
    ports: [],
  }
}

const fail = (name: string, rest: string): never => {
  throw new Error(`nobody here knows how to do this without Docker: ${name} ${rest}`)
}

const instructionsOf = (text: string): { readonly name: string; readonly rest: string }[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+) (.*[^\\])$/.exec(line) ?? fail('', line)
      return { name, rest }
    })

/** In the form without a shell, which passes signals on. */
const wordsOf = (text: string): string[] => {
  if (!text.startsWith('[')) fail('the form with a shell', text)
  return JSON.parse(text)
}

const copy = (
  rest: string,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
  allowed: readonly string[],
): void => {
  const words = rest.split(' ')
  const flags = new Map(
    words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=') as [string, string]),
  )
  const paths = words.filter((word) => !word.startsWith('--'))
  const to = paths.pop() ?? ''
  const from = flags.get('from')
  const source = from === undefined ? context : stages.get(from)?.root
  if (source === undefined) throw new Error(`there is no stage ${from}`)
  const inside = isAbsolute(to) ? to : join(stage.workdir, to)
  const owner = flags.get('chown')
  if (owner !== undefined) stage.owners.set(inside, owner)
  for (const path of paths) {
    const isInContext = allowed.some((each) => path === each || path.startsWith(`${each}/`))
    if (from === undefined && !isInContext) throw new Error(`${path} is left out of the context`)
    const file = join(source, path)
    if (!existsSync(file)) throw new Error(`there is no ${path} to copy`)
    const isFolder = to.endsWith('/') || paths.length > 1
    // Of a folder its content is copied, whatever the destination is called.
    const target = isFolder && !statSync(file).isDirectory() ? join(inside, basename(path)) : inside
    cpSync(file, join(stage.root, target), { recursive: true, verbatimSymlinks: true })
  }
}
