import type { FoundationStore } from '../ports/store.ts'
import { hostCoordinator } from '../runtime/coordinator-host.ts'
import { systemClocks } from '../runtime/system-clock.ts'
import { Access } from '../server/access/access.ts'
import { RulesFile } from '../server/access/rules-file.ts'
import type { DemoControls } from '../server/demo-routes.ts'
import { listenFor } from '../server/listen.ts'
import { Meter } from '../server/meter.ts'
import { addressInstanceId } from '../stores/address-id.ts'
import { fileStore } from '../stores/file-store.ts'
import { memoryStore } from '../stores/memory-store.ts'
import { AuditFile } from './audit-file.ts'
import type { Logger } from './logging.ts'
import type { ServeOptions, ServeSettings } from './serve-settings.ts'
import { readVersion } from './version.ts'

/** Far above what one server is for; a bound all the same. */
const LIMITS = { groups: 10_000, membersPerGroup: 100_000, eventsPerGroup: 4_096 }

export interface Server {
  readonly url: string
  close(): Promise<void>
}

/** Resolves once it listens. `failed` is called when the coordinator broke: nothing is granted any more. */
export const startServer = async (
  { dataDir, fresh = false, insecure, auditLog }: ServeOptions,
  settings: ServeSettings,
  logger: Logger,
  failed: () => void,
  demo?: DemoControls,
): Promise<Server> => {
  const { host, port, clusterId, defaults, groups, poll, access: named, limits, tls } = settings
  const meter = new Meter(logger)
  const access = new Access(named?.rules)
  const audit = auditLog === undefined ? undefined : await AuditFile.open(auditLog, logger)
  const store: FoundationStore =
    dataDir === undefined
      ? memoryStore({ instanceId: addressInstanceId(host, port) })
      : await fileStore(dataDir, { clusterId })
  const hosting = await hostCoordinator({
    clock: systemClocks.grantor,
    wallMs: () => Date.now(),
    store,
    clusterId: clusterIdOf(store, clusterId),
    defaults,
    groups,
    poll,
    fresh,
    limits: LIMITS,
    telemetry: meter,
    onFault: (error) => {
      logger.error({ event: 'coordinator.failed', err: error }, 'the coordinator failed and grants nothing any more')
      failed()
    },
  })
  let rules: RulesFile | undefined
  const close = async () => {
    rules?.close()
    await hosting.close()
    await audit?.close()
  }
  try {
    // Before anybody is let in by a file that is not safe. Not in a function of its own: what that saw would stay, tokens and all.
    rules = named && (await RulesFile.follow({ ...named, access, logger, clock: systemClocks.grantor }))
    const listening = await listenFor(
      {
        hosting,
        host,
        port,
        pollGroup: poll.group,
        access,
        limits,
        audit: audit?.write,
        tls,
        insecure,
        version: readVersion(),
        logger,
        meter,
        onTopicsFault: (error) => {
          logger.error({ event: 'topics.failed', err: error }, 'the topics failed and carry nothing any more')
          failed()
        },
      },
      demo,
    )
    const { exclusion, survivesRestart } = hosting.guarantees
    logger.info(
      {
        event: 'server.started',
        exclusion,
        survivesRestart,
        leaseMs: defaults.leaseMs,
        settleMs: defaults.settleMs,
        fresh,
      },
      `serving on ${listening.url}`,
    )
    return {
      url: listening.url,
      close: async () => {
        await listening.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A data directory remembers its cluster; without one it is what the configuration says. */
const clusterIdOf = (store: FoundationStore & { readonly clusterId?: string }, configured: string | undefined) =>
  store.clusterId ?? configured
