import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Millis } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'

/** Where the certificate, its key and the authority of clients stand. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

/** What stands in them. */
export interface Certificates {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly ca?: string | Buffer
}

export interface CertificateFilesOptions {
  readonly paths: CertificatePaths
  /** What is in force already. */
  readonly inForce: Certificates
  readonly clock: Clock
  /** Called with what is in force from now on; new connections see it, those that are open do not. */
  changed(certificates: Certificates): void
  /** Called once for each reason why what stands in the files cannot be taken. */
  failed(problem: string): void
}

const LOOK_EVERY_MS: Millis = 1_000

/**
 * Keeps a server's certificate as its files say it, as `RulesFile` does with its entries: looked at again and again, counted once they are the
 * same for two looks, and left as it was when they do not fit each other, as while one of them is replaced already and the other is not.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions
  #hash: string
  /** Of the files, as they were looked at last, and as they were read last. */
  #seenAs: string | undefined
  #readAs: string | undefined
  #problem: string | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(options: CertificateFilesOptions) {
    this.#options = options
    this.#hash = hashOf(options.inForce)
    this.#lookLater()
  }

  close(): void {
    this.#closed = true
    this.#timer?.clear()
  }

  #lookLater(): void {
    if (this.#closed) return
    const { clock } = this.#options
    // Never rejects: whatever goes wrong is told, and the next look may find it mended.
    this.#timer = clock.setTimer(clock.now() + LOOK_EVERY_MS, () => void this.look().then(() => this.#lookLater()), {
      ref: false,
    })
  }

  /** One look. */
  async look(): Promise<void> {
    const { paths, changed, failed } = this.#options
    try {
      const seenAs = await sightOf(paths)
      const isNew = seenAs !== this.#seenAs
      this.#seenAs = seenAs
      if (isNew || seenAs === this.#readAs) return
      const certificates = await readAll(paths)
      const hash = hashOf(certificates)
      this.#readAs = seenAs
      if (this.#closed) return
      if (hash !== this.#hash) {
        createSecureContext(certificates)
        changed(certificates)
        this.#hash = hash
      }
      this.#problem = undefined
    } catch (error) {
      const problem = `${Object.values(paths).join(', ')}: ${error instanceof Error ? error.message : String(error)}`
      if (this.#closed || problem === this.#problem) return
      this.#problem = problem
      failed(problem)
    }
  }
}

const filesIn = ({ cert, key, ca }: CertificatePaths): readonly string[] =>
  ca === undefined ? [cert, key] : [cert, key, ca]

const sightOf = async (paths: CertificatePaths): Promise<string> => {
  const all = await Promise.all(filesIn(paths).map((file) => stat(file, { bigint: true })))
  return all.map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(' ')).join(', ')
}

const readAll = async (paths: CertificatePaths): Promise<Certificates> => {
  const [cert, key, ca] = (await Promise.all(filesIn(paths).map((file) => readFile(file)))) as [Buffer, Buffer, Buffer?]
  return { cert, key, ...(ca !== undefined && { ca }) }
}

const hashOf = ({ cert, key, ca = '' }: Certificates): string => {
  const hash = createHash('sha256')
  // Each by itself: what ends one must not begin the next.
  for (const each of [cert, key, ca]) hash.update(createHash('sha256').update(each).digest())
  return hash.digest('hex')
}
