import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

export const repository = fileURLToPath(new URL('../../..', import.meta.url))

export const textOf = (path: string): string => readFileSync(`${repository}/${path}`, 'utf8')

/** Any YAML: the tests look at what is in it, and what they miss they do not find. */
// biome-ignore lint/suspicious/noExplicitAny: as of JSON.parse
export type Yaml = any

/** Every document of a file in `deploy/`. Throws at the first fault or doubt of the parser, keys that come twice included. */
export const yamlOf = (path: string): Yaml[] =>
  parseAllDocuments(textOf(`deploy/${path}`), { merge: true, stringKeys: true }).map((document) => {
    for (const fault of [...document.errors, ...document.warnings]) throw fault
    return document.toJS()
  })

/** The blocks of shell commands of a document. */
export const shellBlocks = (path: string): string[] =>
  [...textOf(path).matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)

/** The only block that has this in it. */
export const shellBlock = (path: string, having: string): string => {
  const [block, ...more] = shellBlocks(path).filter((each) => each.includes(having))
  if (block === undefined || more.length > 0)
    throw new Error(`${path} has ${more.length} blocks more than one with ${having}`)
  return block
}

const KUBERNETES = ['services', 'statefulset', 'disruption-budget', 'network-policy', 'worker'] as const

export const manifestsOf = () => {
  const all = KUBERNETES.flatMap((name) => yamlOf(`kubernetes/${name}.yaml`))
  const one = (kind: string, name = 'caucus'): Yaml => {
    const found = all.filter((each) => each.kind === kind && each.metadata.name === name)
    if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name}`)
    return found[0]
  }
  const [kustomization] = yamlOf('kubernetes/kustomization.yaml')
  const statefulSet = one('StatefulSet')
  const pod = statefulSet.spec.template.spec
  return { all, one, kustomization, statefulSet, pod, container: pod.containers[0] }
}

export interface Selector {
  readonly name: string
  /** Of `name{label="value"}`: the label, how it is compared, and with what. */
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[]
}

/** The series that a PromQL expression is about. */
export const selectorsOf = (expression: string): Selector[] =>
  [...expression.matchAll(/\b(caucus_\w+|up)\b(?:\{([^}]*)\})?/g)].map(([, name = '', braces = '']) => ({
    name,
    matchers: [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
    ),
  }))

/** The labels by which an expression groups. */
export const groupedBy = (expression: string): string[] =>
  [...expression.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  )

export interface Rule {
  readonly group: string
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export const rulesOf = (): Rule[] =>
  yamlOf('prometheus/alerts.yml')[0].groups.flatMap((group: { name: string; rules: Rule[] }) =>
    group.rules.map((rule) => ({ ...rule, group: group.name })),
  )

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

export const dashboard = (): { readonly panels: readonly Panel[]; readonly templating: { readonly list: Yaml[] } } =>
  JSON.parse(textOf('deploy/grafana/dashboard.json'))
