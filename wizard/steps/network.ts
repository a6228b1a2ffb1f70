import { Value } from 'typebox/value'
import { HostSettings, settingProblems } from '../../agent/api/host-settings.js'
import type { Values } from '../../console/form.js'
import { always, choice, listOf, optional, text, type WizardStep } from '../step.js'

/** The settings the answers mean. Numbers that are none become NaN, which no schema takes. */
export function hostSettingsOf(answers: Values): HostSettings {
  const of = (field: string): string => (answers[`network.${field}`] ?? '').trim()
  const number = (value: string): number | null => (value === '' ? null : Number(value))
  const fixed = (family: 'ipv4' | 'ipv6') => ({
    method: 'static' as const,
    address: of(family),
    gateway: of(`${family}_gateway`) === '' ? null : of(`${family}_gateway`),
  })
  const off = { method: 'off' } as const
  return {
    hostName: (answers['host.name'] ?? 'ossea').trim(),
    interface: of('interface'),
    vlan: number(of('vlan')),
    mtu: number(of('mtu')),
    ipv4:
      of('ipv4_method') === 'static' ? fixed('ipv4') : of('ipv4_method') === 'off' ? off : { method: 'dhcp' },
    ipv6:
      of('ipv6_method') === 'static'
        ? fixed('ipv6')
        : of('ipv6_method') === 'auto'
          ? { method: 'auto' }
          : off,
    dns: listOf(answers['network.dns']),
    searchDomains: listOf(answers['network.search']),
    ntp: listOf(answers['host.ntp']),
  }
}

/** Problems of the settings, under the fields of the form that they come from. */
function problemsFor(answers: Values, step: 'network' | 'host'): Values {
  const settings = hostSettingsOf(answers)
  const found: Record<string, string> = {}
  for (const { field, problem } of settingProblems(settings)) {
    const [id, of] = formFields[field] ?? []
    if (id !== undefined && of === step) found[id] = problem
  }
  if (step === 'network' && Object.keys(found).length === 0 && !Value.Check(HostSettings, settings)) {
    const [first] = Value.Errors(HostSettings, settings)
    const name = (first?.instancePath ?? '').split('/')[1] ?? 'interface'
    if (!['hostName', 'ntp'].includes(name))
      found[formFields[name]?.[0] ?? `network.${name}`] =
        `This value is not allowed: ${first?.message ?? 'it is not valid'}.`
  }
  return found
}

const formFields: Readonly<Record<string, readonly [id: string, step: 'network' | 'host']>> = {
  'ipv4.method': ['network.ipv4_method', 'network'],
  'ipv4.address': ['network.ipv4', 'network'],
  'ipv4.gateway': ['network.ipv4_gateway', 'network'],
  'ipv6.address': ['network.ipv6', 'network'],
  'ipv6.gateway': ['network.ipv6_gateway', 'network'],
  mtu: ['network.mtu', 'network'],
  dns: ['network.dns', 'network'],
  searchDomains: ['network.search', 'network'],
  hostName: ['host.name', 'host'],
  ntp: ['host.ntp', 'host'],
}

const wholeNumber =
  (low: number, high: number) =>
  (value: string): string | null =>
    /^\d+$/.test(value) && Number(value) >= low && Number(value) <= high
      ? null
      : `A whole number from ${low} to ${high}, or nothing.`

export const methodStep: WizardStep = {
  id: 'link',
  title: 'Network link',
  applies: always,
  notes: () => ['The interface this appliance is managed at, and how it gets its addresses.'],
  fields: (_answers, facts) => [
    facts.interfaces.length === 0
      ? text('network.interface', 'Interface', value =>
          value === '' ? 'The name of the interface, for instance ens3.' : null,
        )
      : choice('network.interface', 'Interface', ...facts.interfaces.map(name => [name, name] as const)),
    text('network.vlan', 'VLAN (empty: untagged)', optional(wholeNumber(1, 4094))),
    text('network.mtu', 'MTU (empty: default)', optional(wholeNumber(576, 9216))),
    choice('network.ipv4_method', 'IPv4', ['dhcp', 'DHCP'], ['static', 'Static'], ['off', 'Off']),
    choice(
      'network.ipv6_method',
      'IPv6',
      ['off', 'Off'],
      ['auto', 'Automatic (router)'],
      ['static', 'Static'],
    ),
  ],
  problems: answers =>
    answers['network.ipv4_method'] === 'off' && (answers['network.ipv6_method'] ?? 'off') === 'off'
      ? { 'network.ipv4_method': 'Without IPv4 and IPv6 nothing could reach this appliance.' }
      : {},
}

export const addressStep: WizardStep = {
  id: 'network',
  title: 'Addresses',
  applies: always,
  notes: () => [
    'Nothing is applied yet: that happens at the end, and comes back by itself unless it is kept.',
  ],
  fields: answers => [
    ...(answers['network.ipv4_method'] === 'static'
      ? [
          text('network.ipv4', 'IPv4 with prefix', () => null),
          text('network.ipv4_gateway', 'IPv4 gateway', () => null),
        ]
      : []),
    ...(answers['network.ipv6_method'] === 'static'
      ? [
          text('network.ipv6', 'IPv6 with prefix', () => null),
          text('network.ipv6_gateway', 'IPv6 gateway', () => null),
        ]
      : []),
    text('network.dns', 'Name servers', () => null),
    text('network.search', 'Search domains', () => null),
  ],
  problems: answers => problemsFor(answers, 'network'),
}

export const hostStep: WizardStep = {
  id: 'host',
  title: 'Name and time',
  applies: always,
  notes: () => ['Replication compares clocks: give it a time source that both sites agree with.'],
  fields: () => [
    text('host.name', 'Host name', value =>
      value.trim() === '' ? 'A host name, for instance oma-01.' : null,
    ),
    text('host.ntp', 'Time servers', () => null),
  ],
  problems: answers => problemsFor(answers, 'host'),
}

/** Answers that were typed for a method that was changed later do not count. */
export function withoutUnused(answers: Values): Values {
  const kept = { ...answers }
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (kept[`network.${family}_method`] === 'static') continue
    for (const id of [`network.${family}`, `network.${family}_gateway`]) kept[id] = ''
  }
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== ''))
}
