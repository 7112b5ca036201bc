// A web server on every peer, of which only the leader answers: the others redirect to it, by the `server_port` that the configuration
// gives each peer as metadata. While nobody leads they say so, and when to ask again.
//
// Started once for each configuration file, and the port of its own web server: qcluster-web-server.ts server_a.json 8001
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { QCluster, type QClusterConfiguration, type QClusterLeader } from 'caucus/compat'

export interface WebServer {
  readonly cluster: QCluster
  readonly server: Server
  stop(): Promise<void>
}

const serverPortOf = ({ metadata }: QClusterLeader): number | undefined => {
  const { server_port: port } = (metadata ?? {}) as { readonly server_port?: unknown }
  return typeof port === 'number' ? port : undefined
}

export const startWebServer = async (conf: QClusterConfiguration, serverPort: number): Promise<WebServer> => {
  const cluster = new QCluster(conf)
  const server = createServer((request, response) => {
    if (cluster.isLeader()) {
      response.end(`${conf.identifier} answers ${request.url}\n`)
      return
    }
    const leader = cluster.getLeaderInfo()
    const port = leader === null ? undefined : serverPortOf(leader)
    if (leader === null || port === undefined) {
      response.writeHead(503, { 'retry-after': '1' }).end('nobody leads now\n')
      return
    }
    // 307: the same method and body, and nobody remembers it.
    response.writeHead(307, { location: `http://${leader.host}:${port}${request.url}` }).end()
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(serverPort, conf.listen_host, resolve),
  )
  const stop = async () => {
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
    await cluster.stop()
  }
  return { cluster, server, stop }
}

const [, script, file, port] = process.argv
if (file !== undefined && port !== undefined && import.meta.url === new URL(`file://${script}`).href) {
  const { stop } = await startWebServer(JSON.parse(readFileSync(file, 'utf8')), Number(port))
  process.once('SIGTERM', () => void stop())
}
