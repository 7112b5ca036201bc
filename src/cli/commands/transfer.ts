import type { Command } from 'commander'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { type Api, requestJson } from '../api.ts'
import { tlsOf } from '../client-tls.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { isLeader, ofPeers, plainLeader, whereLeads } from '../leader.ts'
import { addServerOptions, peerId, type ServerSettings, serversOf, tokenOf } from '../options.ts'

interface Options extends ServerSettings {
  readonly json?: boolean
}

/** Longer than the longest elections take. */
const TRANSFER_MS = 60_000

const HELP = `
Without an identifier it is whichever peer was heard last. Any peer passes it on to the one that leads. It ends once the other one
leads. It needs the role admin that covers the group cluster/voters.`

export const define: CommandModule['define'] = (command: Command, run) => {
  addServerOptions(command)
    .argument('[id]', 'the identifier of the peer that is to lead', peerId)
    .option('--json', 'answer as JSON')
    .addHelpText('after', HELP)
    .action((to: string | undefined, options: Options) => run(() => transfer(to, options)))
}

const transfer = async (to: string | undefined, options: Options): Promise<number> => {
  const api = { servers: serversOf(options), token: tokenOf(options), tls: tlsOf(options) }
  const found = await handOver(api, to)
  if (!isLeader(found)) throw new CaucusError('CAUCUS_PROTOCOL', 'the answer is not who leads; is it a caucus peer?')
  const text = options.json ? JSON.stringify(plainLeader(found)) : `${whereLeads(found)} leads now, term ${found.term}`
  process.stdout.write(`${text}\n`)
  return EXIT.done
}

const handOver = async (api: Api, to: string | undefined): Promise<unknown> => {
  const body = to === undefined ? {} : { to }
  try {
    return await requestJson(api, '/v1/leader/transfer', { method: 'POST', body, withinMs: TRANSFER_MS })
  } catch (error) {
    // A server that runs by itself says the same of the whole path.
    if (isCaucusError(error) && error.code === 'CAUCUS_NOT_FOUND') await ofPeers(() => requestJson(api, '/v1/leader'))
    throw error
  }
}
