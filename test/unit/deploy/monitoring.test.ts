import { describe, expect, test } from 'vitest'
import { tableRows } from '../../tidy/documents.ts'
import { dashboard, groupedBy, manifestsOf, type Panel, rulesOf, selectorsOf, textOf, yamlOf } from './support.ts'

const rules = rulesOf()
const { panels, templating } = dashboard()
const metrics = textOf('docs/metrics.md')
const events = [...tableRows(textOf('docs/events.md')).keys()]

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
]

/** What Prometheus adds by itself, and what the quantiles of a histogram go by. */
const OF_PROMETHEUS = ['job', 'instance', 'le']

/** A metric as docs/metrics.md has it, `name{label,label}`; `undefined` when it is not there. */
const documented = (name: string): readonly string[] | undefined => {
  const found = new RegExp(`\`${name.replace(/_bucket$/, '')}(?:\\{([\\w,]*)\\})?\``).exec(metrics)
  return found === null ? undefined : (found[1] ?? '').split(',').filter((label) => label !== '')
}

describe.each(expressions)('%s: %s', (_name, expression) => {
  const selectors = selectorsOf(expression)

  test('is about series that are documented, with labels that they have', () => {
    expect(selectors).not.toEqual([])
    const known = selectors.flatMap(({ name }) => (name === 'up' ? [] : [documented(name)]))
    expect(known).not.toContain(undefined)
    const labels = [...OF_PROMETHEUS, ...known.flatMap((each) => each ?? [])]
    for (const { name, matchers } of selectors) {
      const own = [...OF_PROMETHEUS, ...(documented(name) ?? [])]
      expect(own).toEqual(expect.arrayContaining(matchers.map(({ label }) => label)))
    }
    expect(labels).toEqual(expect.arrayContaining(groupedBy(expression)))
  })

  test('is about one cluster', () => {
    for (const { matchers } of selectors) expect(matchers.map(({ label }) => label)).toContain('job')
  })

  test('names events that there are', () => {
    for (const { label, operator, value } of selectors.flatMap(({ matchers }) => matchers)) {
      if (label !== 'event') continue
      if (operator === '=') expect(events).toContain(value)
      else expect(events.filter((event) => new RegExp(`^(?:${value})$`).test(event)).length).toBeGreaterThan(1)
    }
  })
})

describe('the alerts', () => {
  test('have names of their own, a severity, and say what it means', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { labels, annotations } of rules) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity)
      expect(annotations).toEqual({ summary: expect.any(String), description: expect.stringMatching(/\.$/) })
    }
  })

  test('are in docs/deploy.md, each with what to do, and no others are', () => {
    const told = [...tableRows(textOf('docs/deploy.md'))].filter(([name]) => /^Caucus[A-Z]/.test(name))
    expect(told.map(([name]) => name)).toEqual(rules.map(({ alert }) => alert))
    for (const [, { cells }] of told) expect(cells[1]).not.toBe('')
  })

  test('are tried, each of them, by the tests of the rules', () => {
    const tried = textOf('deploy/prometheus/alerts.test.yml')
    for (const { alert } of rules) expect(tried).toContain(`alertname="${alert}"`)
  })

  test('are about the jobs that are scraped', () => {
    for (const file of ['prometheus.yml', 'kubernetes.yml']) {
      const [{ scrape_configs: jobs, rule_files: files }] = yamlOf(`prometheus/${file}`)
      expect(jobs.map(({ job_name }: { job_name: string }) => job_name)).toEqual(['caucus'])
      expect(files).toEqual(['alerts.yml'])
    }
    for (const { expr } of rules)
      for (const { matchers } of selectorsOf(expr)) expect(matchers[0]?.value).toBe('caucus')
  })

  test('count memory by the limit of the manifest', () => {
    expect(manifestsOf().container.resources.limits.memory).toBe('1Gi')
    expect(rules.find(({ alert }) => alert === 'CaucusMemory')?.expr).toContain(`0.8 * ${2 ** 30}`)
  })
})

describe('the dashboard', () => {
  const overlap = (a: Panel['gridPos'], b: Panel['gridPos']) =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

  test('has panels that lie beside each other, each with an id of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const [index, { gridPos, title }] of panels.entries()) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      const over = panels.slice(index + 1).filter((other) => overlap(gridPos, other.gridPos))
      expect([title, over.map((other) => other.title)]).toEqual([title, []])
    }
  })

  test('says of each panel what it shows', () => {
    for (const { type, description, targets = [] } of panels) {
      if (type === 'row') continue
      expect(description).toMatch(/\.$/)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
      expect(targets.length).toBeGreaterThan(0)
    }
  })

  test('knows every variable that it uses', () => {
    const known = [...templating.list.map(({ name }) => name), '__rate_interval']
    const used = [...textOf('deploy/grafana/dashboard.json').matchAll(/\$\{?(\w+)\}?/g)].map(([, name]) => name)
    expect(known).toEqual(expect.arrayContaining([...new Set(used)]))
  })

  test('shows whatever somebody may be woken up by', () => {
    const shown = new Set(
      panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => selectorsOf(expr))).map(({ name }) => name),
    )
    const woken = rules.filter(({ labels }) => labels.severity === 'critical').flatMap(({ expr }) => selectorsOf(expr))
    for (const { name } of woken) expect(shown).toContain(name)
  })
})
