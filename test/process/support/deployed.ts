import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { manifestsOf, shellBlock, textOf, type Yaml } from '../../unit/deploy/support.ts'

/** Runs a block of docs/deploy.md as it stands there, in `folder`. */
export const follow = (folder: string, having: string): void => {
  execFileSync('sh', ['-euc', shellBlock('docs/deploy.md', having)], { cwd: folder, stdio: 'pipe' })
}

export interface Pod {
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The configuration file that it is started with. */
  readonly config: string
  readonly port: number
}

export interface PodsOptions {
  /** Where access.json, tls.crt, tls.key and ca.crt are. */
  readonly secrets: string
  /** Where the mounts of all pods go. */
  readonly folder: string
  /** Of each voter, instead of its name in the cluster. */
  readonly ports: readonly number[]
}

/**
 * What the kubelet would start: arguments and environment of the StatefulSet, with its mounts as folders. Of the configuration only the network is
 * another one: all are on loopback, each at a port of its own.
 */
export const podsOf = ({ secrets, folder, ports }: PodsOptions): Pod[] => {
  const { statefulSet, pod, container } = manifestsOf()
  return ports.map((port, ordinal) => {
    const name = `${statefulSet.metadata.name}-${ordinal}`
    const mounts = new Map<string, string>()
    for (const { name: volume, mountPath } of container.volumeMounts as { name: string; mountPath: string }[]) {
      const path = join(folder, name, volume)
      mkdirSync(path, { recursive: true })
      const given = pod.volumes.find((each: Yaml) => each.name === volume)
      if (given?.configMap !== undefined) writeConfigs(path, ports)
      mounts.set(mountPath, given?.secret === undefined ? path : secrets)
    }
    const inside = (text: string) => {
      const mount = [...mounts].find(([path]) => text.startsWith(`${path}/`))
      return mount === undefined ? text : text.replace(mount[0], mount[1])
    }
    const known: Record<string, string> = {}
    const expanded = (text: string) =>
      inside(
        text.replaceAll(/\$\((\w+)\)/g, (_all, variable: string) => {
          const value = known[variable]
          if (value === undefined) throw new Error(`nothing says what $(${variable}) is`)
          return value
        }),
      )
    for (const { name: variable, value, valueFrom } of container.env as Yaml[]) {
      const field = valueFrom?.fieldRef.fieldPath
      if (field !== undefined && field !== 'metadata.name') throw new Error(`nobody knows ${field}`)
      known[variable] = field === undefined ? expanded(value) : name
    }
    const args = (container.args as string[]).map(expanded)
    return { name, args, env: known, config: args[args.indexOf('--config') + 1] ?? '', port }
  })
}

const writeConfigs = (folder: string, ports: readonly number[]): void => {
  for (const [ordinal, port] of ports.entries()) {
    const config = JSON.parse(textOf(`deploy/kubernetes/config/caucus-${ordinal}.json`))
    const peers = config.peers.map((peer: object, at: number) => ({ ...peer, host: '127.0.0.1', port: ports[at] }))
    const here = { ...config, listen_host: '127.0.0.1', listen_port: port, peers }
    writeFileSync(join(folder, `caucus-${ordinal}.json`), JSON.stringify(here))
  }
}

/** Asks as a kubelet does, which believes every certificate; with a token as Prometheus does, which believes that of the authority. */
export const ask = (
  url: string,
  { token, ca, method = 'GET' }: { token?: string; ca?: string; method?: string } = {},
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const trust = ca === undefined ? { rejectUnauthorized: false } : { ca: readFileSync(ca), servername: 'caucus' }
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    request(url, { ...trust, headers, method, agent: false }, async (response) => {
      let text = ''
      for await (const piece of response.setEncoding('utf8')) text += piece
      resolve({ status: response.statusCode ?? 0, text })
    })
      .on('error', reject)
      .end()
  })

/** The names of all series of such a page. */
export const seriesOf = (page: string): Set<string> =>
  new Set(page.split('\n').flatMap((line) => /^([a-zA-Z_]\w*)[ {]/.exec(line)?.[1] ?? []))
