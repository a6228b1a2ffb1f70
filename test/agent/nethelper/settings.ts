import { type HostSettings } from '../../../agent/api/host-settings.js'

export const settingsOf = (more: Partial<HostSettings> = {}): HostSettings => ({
  hostName: 'oma-01',
  interface: 'port0',
  vlan: null,
  mtu: null,
  ipv4: { method: 'static', address: '192.0.2.10/24', gateway: '192.0.2.1' },
  ipv6: { method: 'off' },
  dns: ['192.0.2.53'],
  searchDomains: ['example.net'],
  ntp: ['ntp.example.net'],
  ...more,
})
