import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../../src/cli/main.ts'

let said = ''
beforeEach(() => {
  said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
  vi.spyOn(process.stdout, 'write').mockImplementation(() => expect.fail('wrong usage has no answer'))
})
afterEach(() => void vi.restoreAllMocks())

describe('wrong usage is told with the argument, and ends with 2:', () => {
  test.each([
    [['explain'], /name the group: --group NAME/],
    [['explain', 'g', '--group', 'h'], /--group says "h", and the argument "g"/],
    [['explain', 'g', '--partition', '-1'], /--partition/],
    [['explain', 'g', '--partition', '1', '--member', 'a'], /--partition and --member/],
    [['plan', 'g', '--join', 'web:8080'], /--join .*if "web:8080" is the whole id, write "web:8080:1"/s],
    [['plan', 'g', '--weigh', 'a'], /--weigh .*an id, a colon and a whole number from 0 to 1000/s],
    [['drain', 'g'], /--member <id>' not specified/],
    [['drain', 'g', '--member', ''], /--member[\s\S]*member id is empty/],
    [['evict', 'g'], /--member <id>' not specified/],
    // What is missing is there, in another spelling.
    [
      ['evict', 'g', '--membre', 'a'],
      /unknown option '--membre', and required option '--member <id>' not specified; see/,
    ],
    [
      ['work', '--grup=jobs', '--', 'run', '--fast'],
      /unknown option '--grup=jobs', and required option '--group <name>'/,
    ],
    // It is repeated, and is not what is missing.
    [['pin', 'g', '--member', 'a', '--partition', 'required option'], /^caucus pin: [^\n]*--partition[^\n]*\n$/],
    [['work', '--', 'run', '--fast'], /^caucus work: required option '--group <name>' not specified/],
    [['freeze'], /name the group/],
    [['pin', 'g', '--member', 'a'], /--partition <n>' not specified/],
    [['pin', 'g', '--member', 'a', '--partition', '4096'], /--partition[\s\S]*from 0 to 4095/],
    [['unpin', 'g'], /--partition <n>' not specified/],
    [['watch', 'g', '--last', '0'], /--last[\s\S]*from 1 to 10000/],
    [['watch', 'g', '--after', 'x'], /--after[\s\S]*revision of an event/],
    [['watch', 'g', '--after', '1-1', '--last', '1'], /--last and --after/],
    [['ask'], /missing required argument 'topic'/],
    [['ask', '', '1'], /topic[\s\S]*topic name is empty/],
    [['ask', 'price', 'milk'], /the request is not JSON/],
    [['ask', 'price', '1', '2'], /too many arguments/],
    [['ask', 'price', '1', '--within', '0'], /--within[\s\S]*length of time/],
    [['ask', 'price', '1', '--within', '1e999'], /--within/],
    [['ask', 'price', '1', '--until', 'most'], /--until[\s\S]*Give all, first, a whole number/],
    [['ask', 'price', '1', '--until', 'quiet:0'], /--until/],
    [['ask', 'price', '1', '--to', ''], /--to[\s\S]*producer id is empty/],
    [['answer', 'price'], /missing required argument 'command'/],
    [['answer', 'price', '--', ''], /name the program after --/],
    [['answer', 'price', '--concurrency', '0', '--', 'true'], /--concurrency[\s\S]*from 1 to/],
    [['answer', 'price', '--queue', '..', '--', 'true'], /--queue[\s\S]*queue name/],
    [['answer', 'price', '--id', 'a\n', '--', 'true'], /--id[\s\S]*control character/],
    [['answr', 'price'], /did you mean answer\?/],
    [['work', '--group', 'g', '--etcd-tokens-above', '5', '--', 'true'], /--etcd-tokens-above goes with --etcd/],
    [['work', '--group', 'g', '--etcd', 'a:1', '--etcd-tokens-above', '1e16', '--', 'true'], /whole number/],
    [['help', 'answr'], /unknown command 'answr' \(did you mean answer\?\)/],
    [['answr', '--help'], /unknown command 'answr'/],
    [['services', '--every', '1ms'], /--every/],
    [['work', '--group', 'g', '--static', '--', 'true'], /--static .* --id/],
    [['work', '--group', 'g', '--etcd', 'nfs://a', '--', 'true'], /--etcd[\s\S]*no URL of etcd/],
    [['work', '--group', 'g', '--etcd', 'http://a/b', '--', 'true'], /--etcd[\s\S]*no URL of etcd/],
    [['work', '--group', 'g', '--etcd', 'http://me:secret@a', '--', 'true'], /--etcd: give a user by --etcd-user/],
    [['work', '--group', 'g', '--etcd', 'a:1', '--server', 'http://b', '--', 'true'], /two coordinators/],
    [['work', '--group', 'g', '--nats', 'a:4222', '--', 'true'], /NATS carries topics and knows no groups/],
    [['work', '--group', 'g', '--etcd-user', 'me', '--', 'true'], /--etcd-user goes with --etcd/],
    [['work', '--group', 'g', '--etcd', 'a:1', '--etcd-user', 'me', '--', 'true'], /--etcd-password-file go together/],
    [['work', '--group', 'g', '--etcd', 'a:1', '--token-file', 'f', '--', 'true'], /--token-file is for servers/],
    [['work', '--group', 'g', '--etcd', 'a:1', '--etcd-timing', 'local', '--', 'true'], /--etcd-timing[\s\S]*lan, wan/],
    [['elect', 'e', '--etcd', 'http://a:1', '--tls-cert', 'c', '--', 'true'], /--tls-cert and --tls-key go together/],
    [['elect', 'e', '--etcd', 'http://a:1', '--etcd-prefix', 'a b', '--', 'true'], /etcd\(\{ prefix \}\) takes/],
    [['elect', 'e', '--etcd', 'a:1', '--nats-prefix', 'a', '--', 'true'], /--nats-prefix goes with --nats/],
    [['ask', 'price', '1', '--etcd', 'a:1'], /etcd carries no topics; name NATS for them with --nats/],
    [['ask', 'price', '1', '--nats', 'http://a'], /--nats[\s\S]*no address of NATS/],
    [['ask', 'price', '1', '--nats', 'nats://me:secret@a'], /--nats: give who you are by --nats-credentials/],
    [['ask', 'price', '1', '--nats', 'a', '--nats-prefix', 'a b'], /nats\(\{ prefix \}\)/],
    [['ask', 'price', '1', '--nats-credentials', 'f'], /--nats-credentials goes with --nats/],
    [['answer', 'price', '--nats', 'a', '--nats-credentials', '/nowhere', '--', 'true'], /cannot read \/nowhere/],
    [['answer', 'price', '--nats', 'a', '--token-file', 'f', '--', 'true'], /here it is --nats-credentials/],
    [['status', '--nats', 'a'], /knows no groups/],
    [['status', '--etcd', 'https://a:1', '--etcd', 'http://b:1'], /all https:\/\/ or all http:\/\//],
    [['work', '--group', 'g', '--weight', '1001', '--', 'true'], /--weight[\s\S]*from 0 to 1000/],
  ])('caucus %j', async (args, message) => {
    expect(await run(args)).toBe(2)
    expect(said).toMatch(message)
  })
})
