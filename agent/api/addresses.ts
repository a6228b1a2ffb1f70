import { isIPv4, isIPv6 } from 'node:net'

/** What is wrong with a text, for whoever typed it; null: nothing. Every sentence says what is allowed. */
export type Problem = string | null

export function ipv4Problem(text: string): Problem {
  const parts = text.split('.')
  const allowed = 'An IPv4 address is four numbers from 0 to 255 with dots, for instance 192.0.2.10.'
  if (parts.length !== 4) return allowed
  for (const part of parts) {
    if (!/^\d+$/.test(part)) return `"${part}" is not a number. ${allowed}`
    if (Number(part) > 255) return `${part} is more than 255. Each part of an IPv4 address is 0 to 255.`
  }
  return isIPv4(text) ? null : `A part has a leading zero. ${allowed}`
}

export const ipv6Problem = (text: string): Problem =>
  isIPv6(text) && !text.includes('%') ? null : 'An IPv6 address looks like 2001:db8::10.'

export const addressProblem = (text: string): Problem =>
  text.includes(':') ? ipv6Problem(text) : ipv4Problem(text)

/** An interface's address with its prefix, in numbers. */
export interface Subnet {
  readonly address: bigint
  readonly prefix: number
  readonly bits: 32 | 128
}

/** Null: not an address with a prefix. */
export function parseSubnet(text: string): Subnet | null {
  const [address = '', prefix = '', ...more] = text.split('/')
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : null
  if (bits === null || more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return null
  return { address: numberOf(address), prefix: Number(prefix), bits }
}

/** Of an address `isIPv4` or `isIPv6` took. */
function numberOf(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  const [, head = '', quad = ''] = tail ?? []
  const low = tail === null ? 0n : numberOf(quad)
  const text = tail === null ? address : `${head}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`
  const [left = '', right] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const before = groups(left)
  const after = right === undefined ? [] : groups(right)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n)
}

const hostBits = (net: Subnet): bigint => (1n << BigInt(net.bits - net.prefix)) - 1n

/** An address a machine can have, with the prefix of its network. */
export function interfaceAddressProblem(text: string, family: 4 | 6): Problem {
  const [address = ''] = text.split('/')
  const wrong = family === 4 ? ipv4Problem(address) : ipv6Problem(address)
  if (wrong !== null) return wrong
  const net = parseSubnet(text)
  const example = family === 4 ? '192.0.2.10/24' : '2001:db8::10/64'
  if (net === null) return `The prefix is missing or too large: write it after the address, ${example}.`
  if (family === 4 && net.prefix < 1) return 'A prefix of 0 would take the whole world for the local network.'
  const rest = net.address & hostBits(net)
  if (family === 4 && net.prefix < 31) {
    if (rest === 0n) return 'This is the address of the network itself; a machine needs one inside of it.'
    if (rest === hostBits(net))
      return 'This is the broadcast address of the network; a machine needs another one.'
  }
  const first = net.bits === 32 ? net.address >> 24n : net.address >> 120n
  const special =
    net.bits === 32 ? first === 0n || first === 127n || first >= 224n : first === 255n || net.address <= 1n
  return special ? 'This address cannot be given to a machine.' : null
}

/** A gateway has to be a neighbour: on the network of `own`, and not that machine itself. */
export function gatewayProblem(gateway: string, own: string): Problem {
  const net = parseSubnet(own)
  const wrong = net?.bits === 128 ? ipv6Problem(gateway) : ipv4Problem(gateway)
  if (wrong !== null || net === null) return wrong
  const value = numberOf(gateway)
  const linkLocal = net.bits === 128 && value >> 118n === 0x3fan
  if (value === net.address) return 'The gateway is the address of this appliance itself.'
  const mask = hostBits(net)
  if (!linkLocal && (value | mask) !== (net.address | mask))
    return `The gateway is not on the network of ${own}, so it could never be reached.`
  return null
}

/** A host name, or one with its domain. */
export function hostNameProblem(text: string): Problem {
  if (text.length > 253) return 'A host name has at most 253 characters.'
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
  if (text.split('.').every(part => label.test(part)) && !/^[\d.]+$/.test(text)) return null
  return 'Letters, digits and hyphens, in parts of at most 63 with dots between them, for instance oma-01.example.net.'
}

/** A server by name or by address. */
export const serverProblem = (text: string): Problem =>
  text.includes(':') || /^[\d.]+$/.test(text) ? addressProblem(text) : hostNameProblem(text)
