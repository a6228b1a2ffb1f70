import { Type } from 'typebox'
import { BytesText, StatusView } from '../../agent/api/schemas.js'
import { VolumeHealthView, VolumeMetricsView } from '../../agent/api/volumes.js'
import type { Feature, Page, PageContext, Read } from '../page.js'
import { column, line, paragraph, span, textCell, type Block } from '../view.js'
import { ageWords, bytesWords, durationWords } from '../words.js'
import { fact } from './facts.js'

const status: Read<typeof StatusView> = {
  key: 'status',
  what: 'the state of the VMA and of vCenter',
  schema: StatusView,
  everyMs: 5000,
  ask: (client, signal) => client.status(signal),
}

/** Asks CloudStack and the volume daemon. */
const health: Read<typeof VolumeHealthView> = {
  key: 'volume-health',
  what: 'the health of the volumes',
  schema: VolumeHealthView,
  everyMs: null,
  ask: (client, signal) => client.volumes.health(signal),
}

const metrics: Read<typeof VolumeMetricsView> = {
  key: 'volume-metrics',
  what: 'the figures of the volumes',
  schema: VolumeMetricsView,
  everyMs: 5000,
  ask: (client, signal) => client.volumes.metrics(signal),
}

const Machine = Type.Object({
  cpuCount: Type.Integer({ minimum: 1 }),
  load: Type.Array(Type.Number()),
  upSeconds: Type.Number(),
  memoryBytes: BytesText,
  freeBytes: BytesText,
  diskBytes: BytesText,
  diskFreeBytes: BytesText,
})

const machine: Read<typeof Machine> = {
  key: 'machine',
  what: 'the state of this machine',
  schema: Machine,
  everyMs: 5000,
  ask: client => client.machine(),
}

function machineBlocks({ read }: PageContext): readonly Block[] {
  const { value } = read(machine)
  if (value === null) return [line(span('Reading ...', 'dim'))]
  const size = (text: string): string => bytesWords(BigInt(text))
  const load = value.load.map(each => each.toFixed(2)).join(' ')
  return [
    fact('CPU', `${value.cpuCount}, load ${load}   up ${durationWords(value.upSeconds)}`),
    fact('Memory', `${size(value.freeBytes)} free of ${size(value.memoryBytes)}`),
    fact('Disk /', `${size(value.diskFreeBytes)} free of ${size(value.diskBytes)}`),
  ]
}

function sourceBlocks({ read, nowMs }: PageContext): readonly Block[] {
  const { value } = read(status)
  if (value === null) return [line(span('Reading the state of the VMA ...', 'dim'))]
  const { vma, source } = value
  const seen = vma.lastSeenAt === null ? 'never heard' : `heard ${ageWords(vma.lastSeenAt, nowMs)} ago`
  const checked =
    source.checkedAt === null ? 'never looked at' : `looked at ${ageWords(source.checkedAt, nowMs)} ago`
  const failures = [vma.failure, source.failure].filter(failure => failure !== null)
  return [
    fact(
      'VMA',
      `${vma.state}, ${seen}, version ${vma.version ?? 'unknown'}`,
      vma.state === 'connected' ? 'good' : 'warn',
    ),
    fact('vCenter', `${source.state}, ${checked}`, source.state === 'ok' ? 'good' : 'warn'),
    ...failures.map(failure =>
      paragraph(
        [span(`!! ${failure.code}: ${failure.message} `, 'bad'), span(`Next: ${failure.next}`)],
        3,
        3,
      ),
    ),
  ]
}

function healthBlocks({ read }: PageContext): readonly Block[] {
  const { value } = read(health)
  if (value === null) return [fact('Volumes', 'asking CloudStack and the volume daemon ...', 'dim')]
  const { daemon, cloud } = value
  return [
    daemon.kind === 'unknown'
      ? fact('Daemon', `unknown: ${daemon.why}`, 'warn')
      : fact(
          'Daemon',
          `${daemon.value.openExports} exports open, ${daemon.value.opened} were opened, ${daemon.value.lost} lost, ${daemon.value.fenced} fenced`,
          daemon.value.lost === 0 ? 'plain' : 'warn',
        ),
    cloud.kind === 'unknown'
      ? fact('Cloud', `unknown: ${cloud.why}`, 'warn')
      : fact('Cloud', `${cloud.value.applianceVolumes} volumes on this appliance`),
  ]
}

const diag: Page = {
  name: 'diag',
  title: 'Diagnostics',
  section: 'diag',
  about:
    'What this appliance reaches and how it does: VMA, vCenter, volume daemon, CloudStack, the machine itself, and how the operations on volumes went. "unknown" was not answered; it is not good.',
  reads: () => [status, health, metrics, machine],
  head: context => [
    ...sourceBlocks(context),
    ...healthBlocks(context),
    { kind: 'rule', title: 'This machine' },
    ...machineBlocks(context),
    { kind: 'rule', title: `Operations on volumes, ${drifted(context)}` },
  ],
  table: {
    columns: [
      column('Kind', 14, { grow: 1 }),
      column('State', 12),
      column('Count', 8, { align: 'right' }),
      column('Mean', 10, { align: 'right' }),
    ],
    rows: ({ read }) =>
      (read(metrics).value?.operations ?? []).map(item => ({
        id: `${item.kind} ${item.state}`,
        text: `${item.kind} ${item.state}`,
        fields: { kind: item.kind, state: item.state },
        cells: () => [
          textCell(item.kind),
          textCell(item.state, item.state === 'failed' ? 'bad' : 'plain'),
          textCell(String(item.count)),
          textCell(item.meanSeconds === null ? 'unknown' : durationWords(item.meanSeconds)),
        ],
      })),
    empty: ({ read }) => (read(metrics).value === null ? 'Reading the figures ...' : 'There was none yet.'),
    filterFields: ['kind', 'state'],
    canMark: false,
    orderedBy: null,
  },
  foot: () => [],
  actions: [],
}

const drifted = ({ read }: PageContext): string => {
  const count = read(metrics).value?.drifted
  return count === undefined ? 'not read yet' : `${count} drifted afterwards`
}

export const diagFeature: Feature = { pages: [diag], links: [] }
