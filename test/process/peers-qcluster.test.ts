import { QCluster, type QClusterConfiguration } from 'caucus/compat'
import { afterEach, describe, expect, test } from 'vitest'
import { runMinimum } from '../../examples/qcluster-minimum.ts'
import { startWebServer, type WebServer } from '../../examples/qcluster-web-server.ts'
import { freePort, TIMING } from './support/peers.ts'
import { waitFor } from './support/wait.ts'

const clusters: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()))
})

/** The predecessor's configuration of each of three peers, as it is. */
const configurations = async (metadataOf: (index: number) => object | undefined = () => undefined) => {
  const names = ['server_a', 'server_b', 'server_c']
  const ports = await Promise.all(names.map(freePort))
  const entries = names.map((identifier, index) => {
    const metadata = metadataOf(index)
    return { host: 'localhost', port: ports[index] ?? 0, identifier, ...(metadata !== undefined && { metadata }) }
  })
  return entries.map(({ identifier, port, metadata }): QClusterConfiguration => {
    const own = { identifier, listen_host: 'localhost', listen_port: port, timing: TIMING }
    const peers = entries.filter((entry) => entry.identifier !== identifier)
    return { ...own, peers, ...(metadata !== undefined && { metadata }) }
  })
}

const started = (configuration: QClusterConfiguration): QCluster => {
  const cluster = new QCluster(configuration)
  clusters.push(cluster)
  return cluster
}

describe('QCluster', () => {
  test('has one leader, that all know, itself included; nobody when there is no majority', async () => {
    const [a, b, c] = (await configurations()).map(started) as [QCluster, QCluster, QCluster]
    const all = [a, b, c]
    expect(all.map((each) => [each.isLeader(), each.getLeaderInfo()])).toEqual(Array(3).fill([false, null]))
    const leader = await waitFor(
      'all to know the leader',
      () => {
        const [first, ...others] = all.map((each) => each.getLeaderInfo()?.identifier)
        return first !== undefined && others.every((other) => other === first) && all.find((each) => each.isLeader())
      },
      { withinMs: 60_000 },
    )
    expect(all.filter((each) => each.isLeader())).toEqual([leader])
    expect(leader.getLeaderInfo()).toEqual({
      host: 'localhost',
      port: expect.any(Number),
      identifier: expect.stringMatching(/^server_[abc]$/),
      metadata: {},
    })

    await leader.stop()
    expect([leader.isLeader(), leader.getLeaderInfo()]).toEqual([false, null])
    const others = all.filter((each) => each !== leader)
    const next = await waitFor('another leader', () => others.find((each) => each.isLeader()))
    const last = others.find((each) => each !== next) ?? expect.fail('there were three')
    await last.stop()
    await waitFor('the last one to be nobody', () => !next.isLeader() && next.getLeaderInfo() === null)

    await Promise.all([leader.start(), last.start()])
    await waitFor('a leader again', () => all.some((each) => each.isLeader()), { withinMs: 60_000 })
  })

  test('says why it could not start, and neither votes nor leads', async () => {
    const [first] = (await configurations()) as [QClusterConfiguration]
    await started(first).start()
    const errors: Error[] = []
    const second = new QCluster(first, { onError: (error) => void errors.push(error) })
    await expect(second.start()).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect([second.isLeader(), second.getLeaderInfo()]).toEqual([false, null])
    await waitFor('the error', () => errors.length > 0)
    await second.stop()
  })
})

describe('the bare minimum', () => {
  test('works on one peer only', async () => {
    const over = new AbortController()
    const lines = new Map<string, string[]>()
    const runs = (await configurations()).map((conf) => {
      const said: string[] = []
      lines.set(conf.identifier, said)
      return runMinimum(conf, { log: (line) => void said.push(line), everyMs: 20, signal: over.signal })
    })
    const working = () => [...lines].filter(([name, said]) => said.includes(`${name} is doing some work...`))
    await waitFor('one to work', () => working().length === 1, { withinMs: 60_000 })
    const [[name] = ['']] = working()
    await waitFor('the others to name it', () =>
      [...lines].every(([each, said]) => each === name || said.some((line) => line.includes(`"identifier":"${name}"`))),
    )
    over.abort()
    await Promise.all(runs)
  })
})

describe('the web server', () => {
  test('answers on the leader, and redirects to it elsewhere', async () => {
    const ports = await Promise.all([0, 1, 2].map(freePort))
    const confs = await configurations((index) => ({ server_port: ports[index] }))
    const servers: WebServer[] = []
    for (const [index, conf] of confs.entries()) servers.push(await startWebServer(conf, ports[index] ?? 0))
    clusters.push(...servers)
    const ask = (port = 0) => fetch(`http://localhost:${port}/some/page?x=1`, { redirect: 'manual' })
    expect((await ask(ports[0])).status).toBe(503)

    // On a busy machine a leader may be unseated between two questions.
    await waitFor(
      'one to answer and the others to redirect to it',
      async () => {
        const found = servers.findIndex(({ cluster }) => cluster.isLeader())
        const answers = await Promise.all(ports.map((port) => ask(port)))
        const texts = await Promise.all(answers.map((answer) => answer.text()))
        return answers.every(({ status, headers }, index) =>
          index === found
            ? texts[index] === `${confs[index]?.identifier} answers /some/page?x=1\n`
            : status === 307 && headers.get('location') === `http://localhost:${ports[found]}/some/page?x=1`,
        )
      },
      { withinMs: 60_000 },
    )
  })
})
