import { HardwareComparison, HardwareVersionDetail, HardwareVersionList } from '../../agent/api/hardware.js'
import type { Feature, Page, PageRow, Read } from '../page.js'
import { column, line, span, textCell, type Block } from '../view.js'
import { bytesWords, instantWords } from '../words.js'
import { fact } from './facts.js'

const versionsOf = (vmId: string): Read<typeof HardwareVersionList> => ({
  key: `hardware ${vmId}`,
  what: 'the hardware history',
  schema: HardwareVersionList,
  everyMs: null,
  ask: async (client, signal) => ({ items: await client.hardwareVersions(vmId, signal) }),
})

/** `vmId version` names one version of one VM. */
const split = (id: string): { readonly vmId: string; readonly version: number } => {
  const [vmId = '', version = ''] = id.split(' ')
  return { vmId, version: Number(version) }
}

const detailOf = (id: string): Read<typeof HardwareVersionDetail> => ({
  key: `hardware-version ${id}`,
  what: 'the hardware',
  schema: HardwareVersionDetail,
  everyMs: null,
  ask: (client, signal) => client.hardwareVersion(split(id).vmId, split(id).version, signal),
})

const changesOf = (id: string): Read<typeof HardwareComparison> => ({
  key: `hardware-changes ${id}`,
  what: 'what changed',
  schema: HardwareComparison,
  everyMs: null,
  ask: (client, signal) =>
    client.compareHardware(split(id).vmId, split(id).version - 1, split(id).version, signal),
})

const history: Page = {
  name: 'hardware',
  title: 'Hardware',
  section: 'vms',
  about:
    'What the VM was made of. A version is kept when a pass found something changed; a failover builds the VM from the version of its recovery point.',
  reads: ({ id }) => [versionsOf(id)],
  head: () => [],
  table: {
    columns: [
      column('Version', 7, { align: 'right' }),
      column('Found (UTC)', 19),
      column('By pass', 36, { grow: 1 }),
    ],
    rows: ({ read, params }) =>
      (read(versionsOf(params.id)).value?.items ?? []).map(item => ({
        id: String(item.version),
        text: `${item.version} ${item.takenAt}`,
        fields: {},
        cells: () => [
          textCell(String(item.version)),
          textCell(instantWords(item.takenAt)),
          textCell(item.passId),
        ],
      })),
    empty: ({ read, params }) =>
      read(versionsOf(params.id)).value === null
        ? 'Reading the versions ...'
        : 'No pass has recorded the hardware of this VM yet.',
    filterFields: [],
    canMark: false,
    orderedBy: null,
  },
  foot: () => [],
  actions: [
    {
      key: 'enter',
      label: 'Open',
      help: 'show this version, and what changed from the one before it',
      isOffered: (_context, row) => row !== null,
      run: ({ params }, row) =>
        row === null
          ? { kind: 'refused', why: 'There is no version to open.' }
          : {
              kind: 'open',
              page: 'hardware-version',
              params: { id: `${params.id} ${row.id}`, name: `${params.name} > version ${row.id}` },
            },
    },
  ],
}

const version: Page = {
  name: 'hardware-version',
  title: 'Hardware',
  section: 'vms',
  about: 'One version of the hardware, and what changed from the one before it.',
  reads: ({ id }) => (split(id).version > 1 ? [detailOf(id), changesOf(id)] : [detailOf(id)]),
  head: ({ read, params }) => {
    const detail = read(detailOf(params.id)).value
    if (detail === null) return [line(span('Reading the hardware ...', 'dim'))]
    const { hardware } = detail
    const unknown = (value: number | string | null): string => (value === null ? 'unknown' : String(value))
    return [
      fact('Guest', `${hardware.guestName} (${hardware.guestId})`),
      fact(
        'CPU',
        `${unknown(hardware.cpuCount)}, ${unknown(hardware.coresPerSocket)} a socket   memory ${unknown(hardware.memoryMib)} MiB`,
      ),
      fact(
        'Firmware',
        `${hardware.firmware}${hardware.secureBoot ? ', secure boot' : ''}   ${hardware.hardwareVersion}   tools ${hardware.tools.state}`,
      ),
      ...hardware.nics.map(nic =>
        fact('NIC', `${nic.label}  ${nic.type}  ${nic.macAddress}  ${nic.network}`),
      ),
      ...hardware.disks.map(disk =>
        fact('Disk', `${disk.label}  ${bytesWords(BigInt(disk.capacityBytes))}  ${disk.backingUuid}`),
      ),
      ruleOf(params.id),
    ]
  },
  table: {
    columns: [
      column('Changed', 26, { grow: 1 }),
      column('From', 20, { grow: 1 }),
      column('To', 20, { grow: 1 }),
    ],
    rows: ({ read, params }) =>
      (read(changesOf(params.id)).value?.differences ?? []).map((change, at): PageRow => ({
        id: `${at} ${change.field}`,
        text: `${change.field} ${change.from ?? ''} ${change.to ?? ''}`,
        fields: {},
        cells: () => [
          textCell(change.field),
          textCell(change.from ?? 'none', change.from === null ? 'dim' : 'plain'),
          textCell(change.to ?? 'none', change.to === null ? 'dim' : 'plain'),
        ],
      })),
    empty: ({ params }) =>
      split(params.id).version > 1 ? 'Nothing that is recorded.' : 'It is the first version.',
    filterFields: [],
    canMark: false,
    orderedBy: null,
  },
  foot: () => [],
  actions: [],
}

const ruleOf = (id: string): Block => ({
  kind: 'rule',
  title: split(id).version > 1 ? `Changed since version ${split(id).version - 1}` : 'Changed',
})

export const hardwareFeature: Feature = {
  pages: [history, version],
  links: [
    {
      from: ['vm'],
      key: 'w',
      label: 'Hardware',
      help: 'hardware history of this VM',
      isOffered: ({ vm }) => vm !== null,
      run: ({ vm }) =>
        vm === null
          ? { kind: 'refused', why: 'The VM is not in the inventory (any more).' }
          : { kind: 'open', page: 'hardware', params: { id: vm.id, name: vm.name } },
    },
  ],
}
