import type { Command } from 'commander'
import { CaucusError } from '../../errors.ts'
import { requestJson } from '../api.ts'
import { safeJson } from '../cells.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { isLeader, type Leader, ofPeers } from '../leader.ts'
import { clean } from '../logging.ts'
import { addServerOptions, type ServerSettings, serversOf, tokenOf } from '../options.ts'

interface Options extends ServerSettings {
  readonly json?: boolean
}

const HELP = `
Asks the first of the peers that answers. While none leads it ends with 1 and CAUCUS_NO_QUORUM.`

export const define: CommandModule['define'] = (command: Command, run) => {
  addServerOptions(command)
    .option('--json', 'answer as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => run(() => leader(options)))
}

const leader = async (options: Options): Promise<number> => {
  const api = { servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) }
  const found = await ofPeers(() => requestJson(api, '/v1/leader'))
  if (!isLeader(found)) throw new CaucusError('CAUCUS_PROTOCOL', 'the answer is not who leads; is it a caucus peer?')
  process.stdout.write(`${options.json ? safeJson(JSON.stringify(found)) : describe(found)}\n`)
  return EXIT.done
}

const describe = ({ identifier, host, port, term, token, leaseMsLeft, metadata }: Leader): string =>
  [
    `${clean(identifier)} leads, on ${clean(host)}:${port}`,
    `term ${term}, token ${token}, for ${leaseMsLeft} ms without another word`,
    `metadata ${clean(JSON.stringify(metadata))}`,
  ].join('\n')
