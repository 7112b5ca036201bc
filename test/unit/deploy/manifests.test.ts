import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/file.ts'
import { timing } from '../../../src/config/timing.ts'
import { DEFAULT_LIMITS } from '../../../src/server/options.ts'
import { manifestsOf, shellBlock, textOf, type Yaml, yamlOf } from './support.ts'

const VOTERS = ['caucus-0', 'caucus-1', 'caucus-2']
const PORT = 8989

/** What a stop may take: until another one leads, until what is under way is answered, and some for the process itself. */
const STOP_MS = timing.wan.electionMinMs + timing.wan.electionMaxMs + DEFAULT_LIMITS.drainMs

const configs = (folder: string) => VOTERS.map((name) => parseConfig(textOf(`deploy/${folder}/${name}.json`), name))

describe.each([
  ['config', (name: string) => name],
  ['kubernetes/config', (name: string) => `${name}.caucus-peers`],
])('the files in deploy/%s', (folder, hostOf) => {
  test('name the same three voters', () => {
    for (const config of configs(folder)) {
      expect(config.peers).toEqual(VOTERS.map((name) => ({ identifier: name, host: hostOf(name), port: PORT })))
      expect(config.listenPort).toBe(PORT)
    }
  })

  test('differ in the identifier alone', () => {
    expect(configs(folder).map(({ identifier }) => identifier)).toEqual(VOTERS)
    const [first, ...others] = configs(folder).map((config) => ({ ...config, identifier: '' }))
    for (const other of others) expect(other).toEqual(first)
  })
})

describe('the Compose file', () => {
  const [compose] = yamlOf('compose.yaml')
  const services: [string, Yaml][] = Object.entries(compose.services)

  test('runs each voter with its own file and its own volume', () => {
    expect(services.map(([name]) => name)).toEqual(VOTERS)
    for (const [name, { command, configs, volumes }] of services) {
      expect(configs).toEqual([{ source: name, target: command[command.indexOf('--config') + 1] }])
      expect(compose.configs[name]).toEqual({ file: `config/${name}.json` })
      expect(volumes).toEqual([`${name}:${command[command.indexOf('--data-dir') + 1]}`])
      expect(Object.keys(compose.volumes)).toContain(name)
    }
  })

  test('gives the token file as a secret, and keeps the ports on loopback', () => {
    for (const [, { environment, secrets, ports }] of services) {
      expect(secrets).toEqual([{ source: 'access', target: 'access.json' }])
      expect(environment.CAUCUS_TOKEN_FILE).toBe(`/run/secrets/${secrets[0].target}`)
      expect(ports).toEqual([expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\d+:${PORT}$`))])
    }
    expect(compose.secrets).toEqual({ access: { file: 'access.json' } })
    expect(new Set(services.map(([, { ports }]) => ports[0])).size).toBe(VOTERS.length)
    const published = services.map(([, { ports }]) => `http://${ports[0].replace(`:${PORT}`, '')}`)
    expect(shellBlock('docs/deploy.md', 'export CAUCUS_SERVER')).toContain(
      `CAUCUS_SERVER=${[`http://127.0.0.1:${PORT}`, ...published.slice(1)].join(',')} `,
    )
  })

  test('uses the image that docs/deploy.md builds, and confines what runs', () => {
    const built = shellBlock('docs/deploy.md', 'up --detach --wait\n')
    expect(built).toContain('--file deploy/compose.yaml')
    for (const [, service] of services) {
      expect(service).toMatchObject({
        image: 'caucus:0.1.0',
        pull_policy: 'never',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        restart: 'unless-stopped',
      })
      expect(Number.parseInt(service.stop_grace_period, 10) * 1_000).toBeGreaterThan(STOP_MS)
    }
  })
})

describe('the manifests of Kubernetes', () => {
  const { all, one, kustomization, statefulSet, pod, container } = manifestsOf()
  const { spec } = statefulSet
  const labels = spec.template.metadata.labels
  const peers = one('Service', 'caucus-peers')

  test('are all in the kustomization, the configuration too', () => {
    expect(all).toHaveLength(6)
    expect(kustomization.resources).toEqual([
      'services.yaml',
      'statefulset.yaml',
      'disruption-budget.yaml',
      'network-policy.yaml',
    ])
    expect(kustomization.configMapGenerator).toEqual([
      { name: 'caucus-config', files: VOTERS.map((name) => `config/${name}.json`) },
    ])
    expect(kustomization.images.map(({ name }: Yaml) => name)).toEqual([container.image])
  })

  test('start as many voters as there are files, all at once, under names that others find', () => {
    expect(spec).toMatchObject({
      replicas: VOTERS.length,
      serviceName: 'caucus-peers',
      podManagementPolicy: 'Parallel',
    })
    expect(peers.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    const [config] = configs('kubernetes/config')
    const names = Array.from({ length: spec.replicas }, (_, at) => `${statefulSet.metadata.name}-${at}`)
    expect(config?.peers.map(({ identifier }) => identifier)).toEqual(names)
    expect(config?.peers.map(({ host }) => host)).toEqual(names.map((name) => `${name}.${peers.metadata.name}`))
  })

  test('select the pods that there are', () => {
    expect(spec.selector.matchLabels).toEqual(labels)
    for (const service of [peers, one('Service')]) expect(service.spec.selector).toEqual(labels)
    expect(one('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels)
    expect(one('NetworkPolicy').spec.podSelector.matchLabels).toEqual(labels)
    for (const { labelSelector } of pod.topologySpreadConstraints) expect(labelSelector.matchLabels).toEqual(labels)
  })

  test('use one port, by one name', () => {
    expect(container.ports).toEqual([{ name: 'caucus', containerPort: PORT }])
    for (const service of [peers, one('Service')])
      expect(service.spec.ports).toEqual([{ name: 'caucus', port: PORT, targetPort: 'caucus' }])
    for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(container[name].httpGet).toMatchObject({ port: 'caucus', scheme: 'HTTPS' })
    const { ingress, egress } = one('NetworkPolicy').spec
    for (const [{ ports }] of [ingress, egress]) expect(ports).toEqual([{ port: PORT, protocol: 'TCP' }])
  })

  test('ask for readiness where a leader does not matter, and never kill for want of one', () => {
    expect(container.readinessProbe.httpGet.path).toBe('/readyz')
    expect(container.livenessProbe.httpGet.path).toBe('/healthz')
    expect(container.startupProbe.httpGet.path).toBe('/healthz')
    const { periodSeconds, failureThreshold } = container.livenessProbe
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(60)
    // An empty data directory, or one whose lock is watched.
    expect(container.startupProbe.periodSeconds * container.startupProbe.failureThreshold).toBeGreaterThan(30)
  })

  test('mount what there is, and give the program nothing else', () => {
    const volumes = [...pod.volumes, ...spec.volumeClaimTemplates.map(({ metadata }: Yaml) => metadata)]
    const mounts: { name: string; mountPath: string; readOnly?: boolean }[] = container.volumeMounts
    expect(mounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort())
    for (const { name, readOnly } of mounts) expect([name, readOnly === true]).toEqual([name, name !== 'data'])
    const paths = [...container.args, ...container.env.map(({ value = '' }: Yaml) => value)].filter(
      (each) => each[0] === '/',
    )
    expect(paths).toHaveLength(6)
    for (const path of paths) expect(mounts.filter(({ mountPath }) => path.startsWith(`${mountPath}/`))).toHaveLength(1)
  })

  test('name secrets that docs/deploy.md makes, with the files that the arguments name', () => {
    const made = shellBlock('docs/deploy.md', 'create secret generic caucus-access')
    const secrets = pod.volumes.filter(({ secret }: Yaml) => secret !== undefined)
    expect(secrets.map(({ secret }: Yaml) => secret.secretName)).toEqual(['caucus-access', 'caucus-tls'])
    for (const { name, secret } of secrets) {
      expect(secret.defaultMode).toBe(0o400)
      const { mountPath } = container.volumeMounts.find((mount: Yaml) => mount.name === name)
      const line = made.split('\n').find((each) => each.includes(`create secret generic ${secret.secretName} `))
      const keys = [...(line ?? '').matchAll(/--from-file=(\S+)/g)].map(([, key]) => `${mountPath}/${key}`)
      const used = [...container.args, ...container.env.map(({ value }: Yaml) => value)].filter((each) =>
        each?.startsWith(mountPath),
      )
      expect(used.sort()).toEqual(keys.sort())
    }
  })

  test('let the voter end by itself, one at a time, and not before the one before votes again', () => {
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(2 * STOP_MS)
    expect(container.lifecycle).toBeUndefined()
    expect(one('PodDisruptionBudget').spec.maxUnavailable).toBe(1)
    // The longest promise of a voter is far below that with the preset of the files, `lan`.
    expect(configs('kubernetes/config')[0]?.timing).toEqual(timing.lan)
    expect(spec.minReadySeconds * 1_000).toBeGreaterThan(4 * timing.lan.electionMaxMs)
  })

  test('let a worker in by its label and its token, and leave it the time to leave', () => {
    const { template } = one('Deployment', 'worker').spec
    const [worker] = template.spec.containers
    const [{ from }] = one('NetworkPolicy').spec.ingress
    expect(from[1].podSelector.matchLabels).toEqual({ 'caucus-client': template.metadata.labels['caucus-client'] })
    expect(template.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(timing.lan.drainLimitMs)
    const env = Object.fromEntries(worker.env.map(({ name, value }: Yaml) => [name, value]))
    expect(env.CAUCUS_SERVER).toBe(`https://${one('Service').metadata.name}:${PORT}`)
    const [volume] = template.spec.volumes
    const made = shellBlock('docs/deploy.md', `create secret generic ${volume.secret.secretName} `)
    const [mount] = worker.volumeMounts
    expect([mount.name, made]).toEqual([volume.name, expect.stringContaining('--from-file=token=workers.token')])
    expect(env.CAUCUS_TOKEN_FILE).toBe(`${mount.mountPath}/token`)
    expect(env.NODE_EXTRA_CA_CERTS).toBe(`${mount.mountPath}/ca.crt`)
  })

  test('confine what runs, and hold no processor back', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(container.resources.limits).not.toHaveProperty('cpu')
    expect(textOf('deploy/Dockerfile')).toContain(
      `USER ${pod.securityContext.runAsUser}:${pod.securityContext.runAsGroup}\n`,
    )
  })
})
