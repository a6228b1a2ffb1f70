import {
  LocalExportList,
  VolumeFindingList,
  VolumeStatusView,
  type VolumeFindingView,
} from '../../agent/api/volumes.js'
import type { Feature, Next, Page, PageContext, PageRow, Read } from '../page.js'
import { column, line, paragraph, span, textCell, type Block } from '../view.js'
import { ageWords, bytesWords } from '../words.js'
import { fact } from './facts.js'

/** Looks at CloudStack and at the volume daemon: only when asked. */
const statusOf = (id: string): Read<typeof VolumeStatusView> => ({
  key: `volume ${id}`,
  what: 'the volume',
  schema: VolumeStatusView,
  everyMs: null,
  ask: (client, signal) => client.volumes.status(id, signal),
})

const exportList: Read<typeof LocalExportList> = {
  key: 'exports',
  what: 'the exports',
  schema: LocalExportList,
  everyMs: 5000,
  ask: async (client, signal) => ({ items: await client.volumes.exports(signal) }),
}

const findingList: Read<typeof VolumeFindingList> = {
  key: 'volume-findings',
  what: 'the findings on volumes',
  schema: VolumeFindingList,
  everyMs: 5000,
  ask: async (client, signal) => ({ items: await client.volumes.findings(signal) }),
}

/** What was seen in words, or that nothing could be seen: the two are never mixed up. */
function seenFact<T>(
  label: string,
  looked:
    { readonly kind: 'seen'; readonly value: T | null } | { readonly kind: 'unknown'; readonly why: string },
  words: (value: T) => string,
): Block {
  if (looked.kind === 'unknown') return fact(label, `unknown: ${looked.why}`, 'warn')
  return looked.value === null ? fact(label, 'none', 'dim') : fact(label, words(looked.value))
}

function statusBlocks(status: VolumeStatusView): readonly Block[] {
  const { recorded } = status
  return [
    seenFact(
      'Cloud',
      status.cloud,
      value =>
        `${value.name}  ${bytesWords(BigInt(value.sizeBytes))}  ${value.vmId === null ? 'attached to nothing' : `on VM ${value.vmId}`}${value.isOurs ? '' : '  not ours'}`,
    ),
    seenFact(
      'Device',
      status.device,
      value => `${value.path}  ${value.name}  ${bytesWords(BigInt(value.sizeBytes))}`,
    ),
    seenFact('Export', status.export, value => `serial ${value.serial}  fence token ${value.fenceToken}`),
    fact(
      'Recorded',
      recorded === null ? 'no operation made it' : `${recorded.name}  ${recorded.vmId ?? 'on nothing'}`,
    ),
    fact('Job', status.jobId ?? 'replicated to by none'),
    { kind: 'gap' },
    ...(status.drift.length === 0
      ? [line(span('ok what is seen is what is recorded', 'good'))]
      : status.drift.map(drift => paragraph([span('!! ', 'bad'), span(drift)], 3, 3))),
  ]
}

const volume: Page = {
  name: 'volume',
  title: 'Volume',
  section: 'storage',
  about:
    'One volume as CloudStack, the volume daemon and the database show it, looked at when the page is opened.',
  reads: ({ id }) => [statusOf(id)],
  head: ({ read, params }) => {
    const status = read(statusOf(params.id)).value
    return status === null ? [line(span('Looking at the volume ...', 'dim'))] : statusBlocks(status)
  },
  table: null,
  foot: () => [],
  actions: [],
}

const exportsPage: Page = {
  name: 'exports',
  title: 'Exports',
  section: 'storage',
  about: 'Volumes that are open for writing now, each with the token of whoever may write.',
  reads: () => [exportList],
  head: () => [],
  table: {
    columns: [
      column('Serial', 24, { grow: 1 }),
      column('Size', 10, { align: 'right' }),
      column('Fence token', 20, { align: 'right' }),
    ],
    rows: ({ read }) =>
      (read(exportList).value?.items ?? []).map(item => ({
        id: item.serial,
        text: item.serial,
        fields: { serial: item.serial },
        cells: () => [
          textCell(item.serial),
          textCell(bytesWords(BigInt(item.sizeBytes))),
          textCell(item.fenceToken),
        ],
      })),
    empty: ({ read }) =>
      read(exportList).value === null ? 'Asking the volume daemon ...' : 'No volume is open for writing.',
    filterFields: ['serial'],
    canMark: false,
    orderedBy: null,
  },
  foot: () => [],
  actions: [],
}

const findingId = (finding: VolumeFindingView): string => `${finding.kind} ${finding.subject}`

const findingOf = ({ read }: PageContext, row: PageRow | null): VolumeFindingView | undefined =>
  read(findingList).value?.items.find(item => findingId(item) === row?.id)

function removal(context: PageContext, row: PageRow | null): Next {
  const finding = findingOf(context, row)
  if (finding === undefined) return { kind: 'refused', why: 'Nothing is selected.' }
  const { kind, subject } = finding
  if (!finding.removable || (kind !== 'orphan-volume' && kind !== 'orphan-export'))
    return { kind: 'refused', why: 'Only an orphan of our own is removed from here.' }
  return {
    kind: 'question',
    question: {
      title: kind === 'orphan-volume' ? 'Remove the orphaned volume?' : 'End the orphaned export?',
      body: [
        fact('Subject', subject),
        paragraph([span(finding.what)], 0, 4),
        { kind: 'gap' },
        paragraph([span('It is looked at once more; what is no orphan any more stays.')]),
      ],
      keep: 'Keep it',
      button: 'Remove it',
      typedWord: 'REMOVE',
      task: {
        what: `Removing ${kind} ${subject}`,
        run: async client => {
          const { number } = await client.volumes.removeOrphan(kind, subject)
          return { kind: 'done', text: `Operation ${number} removes ${subject}.` }
        },
      },
    },
  }
}

const findings: Page = {
  name: 'findings',
  title: 'Findings on volumes',
  section: 'storage',
  about:
    'What is not as it is recorded, as the last look found it. Nothing is mended by itself; what nobody needs and is ours can be removed.',
  reads: () => [findingList],
  head: () => [],
  table: {
    columns: [
      column('Kind', 16),
      column('Subject', 24, { grow: 1 }),
      column('Seen for', 9, { align: 'right' }),
      column('Removable', 9),
    ],
    rows: ({ read, nowMs }) =>
      (read(findingList).value?.items ?? []).map(item => ({
        id: findingId(item),
        text: `${item.kind} ${item.subject} ${item.what}`,
        fields: { kind: item.kind, removable: item.removable ? 'yes' : 'no' },
        cells: () => [
          textCell(item.kind, 'warn'),
          textCell(item.subject),
          textCell(ageWords(item.firstSeenAt, nowMs)),
          textCell(item.removable ? 'yes' : 'no'),
        ],
      })),
    empty: ({ read }) =>
      read(findingList).value === null ? 'Reading the findings ...' : 'Everything is as it is recorded.',
    filterFields: ['kind', 'removable'],
    canMark: false,
    orderedBy: null,
  },
  foot: (context, row) => {
    const finding = findingOf(context, row)
    return finding === undefined
      ? []
      : [{ kind: 'rule', title: finding.subject }, paragraph([span(finding.what)], 0, 4)]
  },
  actions: [
    {
      key: 'D',
      label: 'Remove',
      help: 'remove the selected orphan (wants a word typed)',
      isOffered: (context, row) => findingOf(context, row)?.removable === true,
      run: removal,
    },
    {
      key: 'y',
      label: 'Look now',
      help: 'mend the persistent names and look at everything now',
      isOffered: () => true,
      run: () => ({
        kind: 'task',
        task: {
          what: 'Looking at all volumes',
          run: async client => {
            const { names, findings: found } = await client.volumes.sync()
            const changed = names.made.length + names.repaired.length + names.dropped.length
            return {
              kind: 'done',
              text: `${found.length} findings; ${changed} persistent names were changed.`,
            }
          },
        },
      }),
    },
  ],
}

export const volumesFeature: Feature = { pages: [volume, exportsPage, findings], links: [] }
