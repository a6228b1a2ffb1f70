import { Type, type Static } from 'typebox'
import {
  addressProblem,
  gatewayProblem,
  hostNameProblem,
  interfaceAddressProblem,
  serverProblem,
  type Problem,
} from './addresses.js'

const closed = { additionalProperties: false }
const Text = Type.String({ minLength: 1, maxLength: 253 })

/** As the kernel has it: IFNAMSIZ is 16 with the closing zero (linux/if.h). */
export const InterfaceName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$' })

const FixedAddress = Type.Object(
  {
    method: Type.Literal('static'),
    address: Type.String({ maxLength: 64, description: 'with its prefix' }),
    gateway: Type.Union([Type.String({ maxLength: 64 }), Type.Null()]),
  },
  closed,
)
const Off = Type.Object({ method: Type.Literal('off') }, closed)

/** Everything about this machine that the wizard sets: its network, its name, where it takes the time from. */
export const HostSettings = Type.Object(
  {
    hostName: Text,
    interface: InterfaceName,
    vlan: Type.Union([Type.Integer({ minimum: 1, maximum: 4094 }), Type.Null()], {
      description: 'null: untagged',
    }),
    mtu: Type.Union([Type.Integer({ minimum: 576, maximum: 9216 }), Type.Null()], {
      description: 'null: the link’s own',
    }),
    ipv4: Type.Union([Type.Object({ method: Type.Literal('dhcp') }, closed), FixedAddress, Off]),
    ipv6: Type.Union([Type.Object({ method: Type.Literal('auto') }, closed), FixedAddress, Off]),
    dns: Type.Array(Text, { maxItems: 3 }),
    searchDomains: Type.Array(Text, { maxItems: 6 }),
    ntp: Type.Array(Text, { maxItems: 4 }),
  },
  closed,
)
export type HostSettings = Static<typeof HostSettings>

export interface SettingProblem {
  /** As in the JSON: `ipv4.gateway`. */
  readonly field: string
  readonly problem: string
}

/** What no schema can say. Both the wizard and the helper that applies the settings ask here. */
export function settingProblems(settings: HostSettings): readonly SettingProblem[] {
  const found: SettingProblem[] = []
  const note = (field: string, problem: Problem): void => {
    if (problem !== null) found.push({ field, problem })
  }
  note('hostName', hostNameProblem(settings.hostName))
  for (const [field, family] of [
    ['ipv4', 4],
    ['ipv6', 6],
  ] as const) {
    const part = settings[field]
    if (part.method !== 'static') continue
    const wrong = interfaceAddressProblem(part.address, family)
    note(`${field}.address`, wrong)
    if (wrong === null && part.gateway !== null)
      note(`${field}.gateway`, gatewayProblem(part.gateway, part.address))
  }
  if (settings.ipv4.method === 'off' && settings.ipv6.method === 'off')
    note('ipv4.method', 'Without IPv4 and IPv6 nothing could reach this appliance.')
  if (settings.ipv6.method !== 'off' && settings.mtu !== null && settings.mtu < 1280)
    note('mtu', 'IPv6 needs an MTU of at least 1280.')
  for (const server of settings.dns) note('dns', addressProblem(server))
  for (const domain of settings.searchDomains) note('searchDomains', hostNameProblem(domain))
  for (const server of settings.ntp) note('ntp', serverProblem(server))
  return found
}

export const defaultConfirmSeconds = 120

export const ApplyHostSettings = Type.Object(
  {
    settings: HostSettings,
    confirmWithinSeconds: Type.Integer({ minimum: 30, maximum: 600, default: defaultConfirmSeconds }),
  },
  closed,
)
export type ApplyHostSettings = Static<typeof ApplyHostSettings>

/** A change that comes back by itself. `secondsLeft` counts in the helper, not in whoever looks. */
export const PendingChange = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  settings: HostSettings,
  secondsLeft: Type.Integer({ minimum: 0 }),
})
export type PendingChange = Static<typeof PendingChange>

export const HostState = Type.Object({
  /** Null: never set through this helper. */
  settings: Type.Union([HostSettings, Type.Null()]),
  pending: Type.Union([PendingChange, Type.Null()]),
})
export type HostState = Static<typeof HostState>

/** Keeping names the change that is meant: one that came back already, or a newer one, is not kept by it. */
export const ChangeId = Type.Object({ id: Type.String({ pattern: '^[0-9a-f-]{36}$' }) }, closed)
