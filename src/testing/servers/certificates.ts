import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { neededProgram } from './need.ts'
import { scratchFolder } from './server-process.ts'

export const OPENSSL = neededProgram('openssl', 'openssl', () => 'openssl', ['version'])

/** A certificate with its key: PEM, and the files that hold it. */
export interface Identity {
  readonly cert: Buffer
  readonly key: Buffer
  readonly certFile: string
  readonly keyFile: string
}

/** An authority of our own, one server at 127.0.0.1 and localhost, and one client whose name is `client`. */
export interface Certificates {
  readonly ca: Buffer
  readonly caFile: string
  readonly server: Identity
  readonly client: Identity
  remove(): void
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export const makeCertificates = (): Certificates => {
  const { path, remove } = scratchFolder('tls')
  const file = (name: string) => join(path, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: path, stdio: 'pipe' })
  const identity = (name: string, extensions: string): Identity => {
    writeFileSync(file(`${name}.ext`), extensions)
    openssl('req', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'],
      ...['-out', `${name}.pem`, '-extfile', `${name}.ext`],
    )
    const certFile = file(`${name}.pem`)
    const keyFile = file(`${name}.key`)
    return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) }
  }
  openssl('req', '-x509', ...EC, '-days', '2', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority')
  return {
    ca: readFileSync(file('ca.pem')),
    caFile: file('ca.pem'),
    server: identity('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n'),
    client: identity('client', 'extendedKeyUsage=clientAuth\n'),
    remove,
  }
}
