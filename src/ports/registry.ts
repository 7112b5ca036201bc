import type { ServiceCount, ServicePicture } from '../core/registry/view.ts'

/** A service with the revision of what was seen: the events after it go on from here without a gap. */
export interface ServiceView extends ServicePicture {
  readonly name: string
  readonly revision: string
}

/** Where services are looked up. To register is to join the group of that service. */
export interface RegistryPort {
  services(options?: { signal?: AbortSignal | undefined }): Promise<readonly ServiceCount[]>
  /** Also of a service that nobody has registered for. */
  service(name: string, options?: { signal?: AbortSignal | undefined }): Promise<ServiceView>
}
