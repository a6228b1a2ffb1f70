import { type HostSettings } from '../api/host-settings.js'

/** Files below the configuration root (`/etc`), all of them ours; null: not to be there. */
export type HostFiles = ReadonlyMap<string, string | null>

const files = {
  network: 'systemd/network/10-ossea.network',
  vlanDevice: 'systemd/network/10-ossea-vlan.netdev',
  vlanParent: 'systemd/network/10-ossea-parent.network',
  time: 'systemd/timesyncd.conf.d/ossea.conf',
  hostName: 'hostname',
} as const

/** The name of the tagged interface; short enough for the kernel whatever the parent is called. */
const vlanName = (vlan: number): string => `mgmt.${vlan}`

/** The interface the addresses are on. */
export const addressedInterface = (settings: HostSettings): string =>
  settings.vlan === null ? settings.interface : vlanName(settings.vlan)

/** The settings as systemd-networkd and systemd-timesyncd read them. Settings have to be checked before. */
export function renderHostFiles(settings: HostSettings): HostFiles {
  const { vlan, mtu, ntp } = settings
  const link = mtu === null ? [] : section('Link', [`MTUBytes=${mtu}`])
  return new Map([
    [
      files.network,
      text([section('Match', [`Name=${addressedInterface(settings)}`]), link, ...addressing(settings)]),
    ],
    [
      files.vlanDevice,
      vlan === null
        ? null
        : text([section('NetDev', [`Name=${vlanName(vlan)}`, 'Kind=vlan']), section('VLAN', [`Id=${vlan}`])]),
    ],
    [
      files.vlanParent,
      vlan === null
        ? null
        : text([
            section('Match', [`Name=${settings.interface}`]),
            link,
            section('Network', [`VLAN=${vlanName(vlan)}`, 'LinkLocalAddressing=no', 'IPv6AcceptRA=no']),
          ]),
    ],
    [files.time, text([section('Time', [`NTP=${ntp.join(' ')}`])])],
    [files.hostName, `${settings.hostName}\n`],
  ])
}

export const hostNamePath = files.hostName

/** Every path the helper ever writes. */
export const hostFilePaths: readonly string[] = Object.values(files)

function addressing({ ipv4, ipv6, dns, searchDomains }: HostSettings): readonly (readonly string[])[] {
  const network = [
    `DHCP=${ipv4.method === 'dhcp' ? 'ipv4' : 'no'}`,
    `IPv6AcceptRA=${ipv6.method === 'auto' ? 'yes' : 'no'}`,
    `LinkLocalAddressing=${ipv6.method === 'off' ? 'no' : 'ipv6'}`,
    ...dns.map(server => `DNS=${server}`),
    ...(searchDomains.length === 0 ? [] : [`Domains=${searchDomains.join(' ')}`]),
    ...gatewayLine(ipv4),
    ...gatewayLine(ipv6),
  ]
  // The name servers given are the ones used: a lease that brings others must not replace them.
  const lease = ipv4.method === 'dhcp' && dns.length > 0 ? [section('DHCPv4', ['UseDNS=no'])] : []
  return [
    section('Network', network),
    ...addressSection(ipv4, 'ipv4'),
    ...addressSection(ipv6, 'ipv6'),
    ...lease,
  ]
}

type Addressing = HostSettings['ipv4'] | HostSettings['ipv6']

const gatewayLine = (part: Addressing): readonly string[] =>
  part.method === 'static' && part.gateway !== null ? [`Gateway=${part.gateway}`] : []

/** An address that another machine answers for is not taken. */
const addressSection = (part: Addressing, family: 'ipv4' | 'ipv6'): readonly (readonly string[])[] =>
  part.method === 'static'
    ? [section('Address', [`Address=${part.address}`, `DuplicateAddressDetection=${family}`])]
    : []

const section = (name: string, lines: readonly string[]): readonly string[] => [`[${name}]`, ...lines]

const text = (sections: readonly (readonly string[])[]): string =>
  `# Written by OSSEA-Migrate; changes made here are overwritten.\n${sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
