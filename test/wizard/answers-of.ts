import { type Values } from '../../console/form.js'

export const thumbprint = Array.from({ length: 32 }, (_, at) => (at + 16).toString(16))
  .join(':')
  .toUpperCase()

/** Secrets that must be found nowhere but where they belong. */
export const canaries = {
  'admin.password': 'canary-correct-horse-1',
  'cloudstack.secret_key': 'canary-cloud-secret-2',
  'vcenter.password': 'canary-vcenter-pass-3',
} as const

const common: Values = {
  'keyboard.layout': 'de',
  'network.interface': 'ens3',
  'network.vlan': '120',
  'network.mtu': '1500',
  'network.ipv4_method': 'static',
  'network.ipv6_method': 'off',
  'network.ipv4': '192.0.2.10/24',
  'network.ipv4_gateway': '192.0.2.1',
  'network.dns': '192.0.2.53, 192.0.2.54',
  'network.search': 'example.net',
  'host.name': 'oma-01',
  'host.ntp': 'ntp.example.net',
  'admin.password': canaries['admin.password'],
  'certificate.thumbprint': thumbprint,
}

export const omaAnswers: Values = {
  ...common,
  'role.role': 'oma',
  'cloudstack.url': 'https://127.0.0.1:9/client/api',
  'cloudstack.api_key': 'the-api-key',
  'cloudstack.secret_key': canaries['cloudstack.secret_key'],
}

export const vmaAnswers: Values = {
  ...common,
  'role.role': 'vma',
  'vcenter.url': 'https://127.0.0.1:9',
  'vcenter.user': 'backup@vsphere.local',
  'vcenter.password': canaries['vcenter.password'],
}

export function tomlOf(answers: Values): string {
  const tables: Record<string, string[]> = {}
  for (const [key, value] of Object.entries(answers)) {
    const [step = '', name = ''] = key.split('.')
    ;(tables[step] ??= []).push(`${name} = ${JSON.stringify(value)}`)
  }
  return Object.entries(tables)
    .map(([step, lines]) => `[${step}]\n${lines.join('\n')}\n`)
    .join('\n')
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

export const ovfOf = (answers: Values, more = ''): string => `<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1" oe:id="">
  <PlatformSection><Kind>VMware ESXi</Kind></PlatformSection>
  <PropertySection>
    ${Object.entries(answers)
      .map(([key, value]) => `<Property oe:key="ossea.${key}" oe:value="${escaped(value)}"/>`)
      .join('\n    ')}
    <Property oe:key="vendor.other" oe:value="not ours"/>${more}
  </PropertySection>
</Environment>
`
