import { lookup, resolveSrv } from 'node:dns/promises'
import { open } from 'node:fs/promises'
import { inUrl } from './hosts.ts'

/** Where peers of a cluster may be found, as an operator has written it. */
export type Seed =
  | { readonly type: 'address'; readonly host: string; readonly port: number }
  /** Without a port: the name of SRV records, which have one each. */
  | { readonly type: 'name'; readonly name: string; readonly port: number | undefined }
  /** Seeds of the first kind, one on each line. */
  | { readonly type: 'file'; readonly path: string }

/** Where somebody may be asked. */
export interface SeedAddress {
  readonly host: string
  readonly port: number
  /** The name on its certificate, where that is not the host. */
  readonly name?: string | undefined
}

/** What seeds are looked up with. */
export interface SeedSources {
  /** All addresses of a name. */
  resolve(name: string): Promise<readonly string[]>
  /** Its SRV records. */
  resolveServices(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
  /** Throws when it is longer than that. */
  read(path: string, maxBytes: number): Promise<string>
}

const MAX_SEEDS = 64
/** So many addresses are asked at most, whatever a name or a file says. */
const MAX_ADDRESSES = 256
const MAX_FILE_BYTES = 65_536
const HOST = '[A-Za-z0-9._-]+'
const ADDRESS = new RegExp(`^(?:(https?)://)?(?:(${HOST})|\\[([0-9A-Fa-f:.]+)\\]):(\\d{1,5})/?$`)
const NAME = new RegExp(`^dns:(${HOST})(?::(\\d{1,5}))?$`)
const FORMS = 'HOST:PORT, http://HOST:PORT, dns:NAME:PORT, dns:NAME (of SRV records) or file:PATH'

/** The seeds of an option, or what is wrong with each. `secure`: peers are asked with TLS. */
export const seedsOf = (given: unknown, secure: boolean): { readonly seeds: readonly Seed[]; faults: string[] } => {
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given]
  const faults: string[] = []
  if (texts.length === 0) faults.push(`seeds is empty; name at least one: ${FORMS}`)
  if (texts.length > MAX_SEEDS) faults.push(`seeds has ${texts.length} entries; at most ${MAX_SEEDS}`)
  const seeds = texts.slice(0, MAX_SEEDS).flatMap((text, index) => {
    const seed = typeof text === 'string' ? seedOf(text, secure) : 'must be a string'
    if (typeof seed !== 'string') return [seed]
    faults.push(`${Array.isArray(given) ? `seeds[${index}]` : 'seeds'} ${seed}; a seed is ${FORMS}`)
    return []
  })
  return { seeds, faults }
}

const seedOf = (text: string, secure: boolean): Seed | string => {
  if (text.startsWith('file:')) {
    const path = text.slice('file:'.length)
    return path === '' ? 'names no file' : { type: 'file', path }
  }
  if (text.startsWith('dns:')) {
    const [, name, port] = NAME.exec(text) ?? []
    if (name === undefined || (port !== undefined && !isPort(port))) return 'is no DNS name with a port'
    return { type: 'name', name, port: port === undefined ? undefined : Number(port) }
  }
  return addressOf(text, secure)
}

const addressOf = (text: string, secure: boolean): Extract<Seed, { type: 'address' }> | string => {
  const [, scheme, name, ip, port] = ADDRESS.exec(text) ?? []
  const host = name ?? ip
  if (host === undefined || port === undefined || !isPort(port)) return 'is no address with a port'
  if (scheme !== undefined && (scheme === 'https') !== secure)
    return secure ? 'says http, and with tls peers are asked by https' : 'says https, which takes tls'
  return { type: 'address', host, port: Number(port) }
}

const isPort = (text: string): boolean => Number(text) >= 1 && Number(text) <= 65_535

export const showSeed = ({ host, port, name }: SeedAddress): string =>
  `${inUrl(host)}:${port}${name === undefined ? '' : ` (${name})`}`

export interface FoundSeeds {
  readonly addresses: readonly SeedAddress[]
  /** Of those seeds that gave none. */
  readonly problems: readonly string[]
}

/** Every address that the seeds stand for now. Names and files are looked up each time: what they say changes. */
export const lookUp = async (
  seeds: readonly Seed[],
  secure: boolean,
  sources: SeedSources = systemSources,
): Promise<FoundSeeds> => {
  const problems: string[] = []
  const found = await Promise.all(
    seeds.map(async (seed): Promise<readonly SeedAddress[]> => {
      try {
        return await addressesOf(seed, secure, sources, problems)
      } catch (error) {
        problems.push(`${told(seed)}: ${error instanceof Error ? error.message : String(error)}`)
        return []
      }
    }),
  )
  const all = new Map(found.flat().map((address) => [showSeed(address), address]))
  return { addresses: [...all.values()].slice(0, MAX_ADDRESSES), problems }
}

const told = (seed: Seed): string => {
  if (seed.type === 'address') return showSeed(seed)
  return seed.type === 'file' ? `file:${seed.path}` : `dns:${seed.name}`
}

const addressesOf = async (
  seed: Seed,
  secure: boolean,
  sources: SeedSources,
  problems: string[],
): Promise<readonly SeedAddress[]> => {
  if (seed.type === 'address') return [{ host: seed.host, port: seed.port }]
  if (seed.type === 'file') {
    const lines = (await sources.read(seed.path, MAX_FILE_BYTES)).split(/\r?\n/).map((line) => line.trim())
    const addresses = lines.flatMap((line, index): SeedAddress[] => {
      if (line === '' || line.startsWith('#')) return []
      const address = addressOf(line, secure)
      if (typeof address !== 'string') return [{ host: address.host, port: address.port }]
      problems.push(`${told(seed)}: line ${index + 1} ${address}`)
      return []
    })
    if (addresses.length === 0) problems.push(`${told(seed)} names no seed`)
    return addresses
  }
  const { name, port } = seed
  const services = port === undefined ? await sources.resolveServices(name) : [{ name, port }]
  const addresses = await Promise.all(
    services.slice(0, MAX_SEEDS).map(async (service) => {
      const hosts = await sources.resolve(service.name)
      return hosts.map((host) => ({ host, port: service.port, name: service.name }))
    }),
  )
  if (addresses.flat().length === 0) problems.push(`${told(seed)} stands for no address`)
  return addresses.flat()
}

const systemSources: SeedSources = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  resolveServices: async (name) => await resolveSrv(name),
  read: async (path, maxBytes) => {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0)
      if (bytesRead > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  },
}
