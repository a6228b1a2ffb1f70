import dgram from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import os from 'node:os'
import type { Values } from '../../console/form.js'
import { listOf } from '../step.js'
import { certificateAddress } from '../steps/peers.js'
import { readCertificate } from './certificate.js'
import type { Check } from './check.js'

const gib = 1024 ** 3
const minimumMemoryGib = 4
const minimumProcessors = 2
const mostSkewSeconds = 5

type Outcome = Awaited<ReturnType<Check['run']>>
const ok = (found: string): Outcome => ({ outcome: 'ok', found })
const problem = (found: string): Outcome => ({ outcome: 'problem', found })

/** What can be looked at before anything is set. */
export function checksFor(answers: Values): readonly Check[] {
  const url = certificateAddress(answers)
  const hosts = [url, answers['cloudstack.url'], answers['vcenter.url']].flatMap(each =>
    each !== null && each !== undefined && URL.canParse(each) ? [new URL(each).hostname] : [],
  )
  const names = [...new Set([...hosts, ...listOf(answers['host.ntp'])])].filter(
    name => isIP(name.replace(/^\[|\]$/g, '')) === 0,
  )
  return [
    { title: 'Processors and memory', run: () => Promise.resolve(machine()) },
    {
      title: `Link of ${answers['network.interface'] ?? 'the interface'}`,
      run: () => link(answers['network.interface'] ?? ''),
    },
    ...names.map(name => ({ title: `Name ${name}`, run: () => resolves(name) })),
    ...listOf(answers['host.ntp']).map(server => ({
      title: `Time from ${server}`,
      run: (signal: AbortSignal) => time(server, signal),
    })),
    ...(url === null
      ? []
      : [{ title: `Certificate of ${new URL(url).host}`, run: () => certificate(url, answers) }]),
  ]
}

function machine(): Outcome {
  const memory = os.totalmem() / gib
  const found = `${os.cpus().length} processors, ${memory.toFixed(1)} GiB`
  const enough = os.cpus().length >= minimumProcessors && memory >= minimumMemoryGib * 0.95
  return enough
    ? ok(found)
    : problem(`${found}; at least ${minimumProcessors} and ${minimumMemoryGib} GiB are needed`)
}

async function link(name: string): Promise<Outcome> {
  const state = (await readFile(`/sys/class/net/${encodeURIComponent(name)}/operstate`, 'utf8')).trim()
  if (state === 'unknown') return { outcome: 'unknown', found: 'its driver does not tell' }
  return state === 'up' ? ok('up') : problem(`${state}; connect the network adapter`)
}

async function resolves(name: string): Promise<Outcome> {
  try {
    const addresses = await lookup(name, { all: true })
    return ok(addresses.map(each => each.address).join(', '))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTFOUND')
      return problem('no name server knows it')
    throw error
  }
}

/** One question of SNTP (RFC 4330): a client packet of version 4, the answer's transmit time at byte 40. */
async function time(server: string, signal: AbortSignal): Promise<Outcome> {
  const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4')
  try {
    const packet = Buffer.alloc(48)
    packet[0] = 0x23
    socket.send(packet, 123, server)
    const [answer] = (await once(socket, 'message', { signal })) as [Buffer]
    const secondsSince1900 = answer.length < 48 ? 0 : answer.readUInt32BE(40)
    if (secondsSince1900 === 0) return problem('it answered without a time')
    const skew = secondsSince1900 - 2_208_988_800 - Date.now() / 1000
    const found = `this clock is ${Math.abs(skew).toFixed(0)} s ${skew > 0 ? 'behind' : 'ahead'}`
    return Math.abs(skew) <= mostSkewSeconds ? ok('the clocks agree') : problem(found)
  } finally {
    socket.close()
  }
}

async function certificate(url: string, answers: Values): Promise<Outcome> {
  const fact = await readCertificate(url)
  if (fact.kind === 'unreadable') return { outcome: 'unknown', found: fact.reason }
  const digits = (text: string): string => text.replaceAll(':', '').toUpperCase()
  return digits(fact.thumbprintSha256) === digits(answers['certificate.thumbprint'] ?? '')
    ? ok('it is the confirmed one')
    : problem('it is not the confirmed one')
}
