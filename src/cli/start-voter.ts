import { openPeer } from '../backends/peer/index.ts'
import { reachOf, soundPeer } from '../peer.ts'
import { systemClocks } from '../runtime/system-clock.ts'
import { Access } from '../server/access/access.ts'
import { RulesFile } from '../server/access/rules-file.ts'
import type { DemoControls } from '../server/demo-routes.ts'
import { Meter } from '../server/meter.ts'
import { peerListener } from '../server/peer-listen.ts'
import { AuditFile } from './audit-file.ts'
import type { Logger } from './logging.ts'
import type { ServeOptions, ServeSettings } from './serve-settings.ts'
import type { Server } from './start-server.ts'
import { readVersion } from './version.ts'

type VoterSettings = ServeSettings & { readonly voter: NonNullable<ServeSettings['voter']> }

/** Runs one voter, which serves groups while it leads, or an observer, which passes on to whoever does. Resolves once it listens. `failed` is called when it broke: it neither votes nor leads any more. */
export const startVoter = async (
  { auditLog }: ServeOptions,
  { voter, access: named, limits, tls }: VoterSettings,
  logger: Logger,
  failed: () => void,
  demo?: DemoControls,
): Promise<Server> => {
  const sound = soundPeer({ ...voter, onFault: failed })
  const meter = new Meter(logger)
  const access = new Access(named?.rules)
  const audit = auditLog === undefined ? undefined : await AuditFile.open(auditLog, logger)
  let rules: RulesFile | undefined
  const close = async () => {
    rules?.close()
    await audit?.close()
  }
  try {
    // Before anybody is let in by a file that is not safe.
    rules = named && (await RulesFile.follow({ ...named, access, logger, clock: systemClocks.grantor }))
    const listen = peerListener({
      access,
      limits,
      version: readVersion(),
      logger,
      audit: audit?.write,
      meter,
      pollGroup: voter.poll?.group,
      demo,
      ...(tls !== undefined && { files: tls.files }),
    })
    const cluster = await openPeer(sound, { listen, telemetry: meter, reach: reachOf(sound) })
    const { exclusion, survivesRestart } = cluster.guarantees
    const voters = sound.others.length + 1
    const { leaseMs, settleMs } = sound.timing
    if (sound.seeds === undefined)
      logger.info(
        { event: 'voter.started', exclusion, survivesRestart, voters, leaseMs, settleMs },
        `voting on ${cluster.url}`,
      )
    else logger.info({ event: 'observer.started', seeds: sound.seeds.length }, `observing on ${cluster.url}`)
    return {
      url: cluster.url,
      close: async () => {
        await cluster.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
