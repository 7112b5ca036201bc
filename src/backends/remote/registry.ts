import type { ServiceCount } from '../../core/registry/view.ts'
import { CaucusError } from '../../errors.ts'
import type { RegistryPort, ServiceView } from '../../ports/registry.ts'

/** The registry of the server that is talked to. `get` asks it for a path. */
export const remoteRegistry = (
  get: (path: string, signal: AbortSignal | undefined) => Promise<unknown>,
): RegistryPort => ({
  services: async ({ signal } = {}) => {
    const { services } = (await get('/v1/services', signal)) as { services?: readonly ServiceCount[] }
    if (Array.isArray(services)) return services
    throw isNoRegistry()
  },
  service: async (name, { signal } = {}) => {
    const view = (await get(`/v1/services/${encodeURIComponent(name)}?status=any`, signal)) as Partial<ServiceView>
    if (Array.isArray(view.instances) && typeof view.revision === 'string') return view as ServiceView
    throw isNoRegistry()
  },
})

const isNoRegistry = (): CaucusError =>
  new CaucusError('CAUCUS_PROTOCOL', 'the server answered without services; is it a caucus server?')
