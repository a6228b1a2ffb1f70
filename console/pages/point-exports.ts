import type { OpenedPointView, PointExportList, PointView } from '../../agent/api/points.js'
import { choiceField } from '../form-schema.js'
import type { FormPage, Next, Page, PageContext } from '../page.js'
import { column, paragraph, span, textCell, type Block } from '../view.js'
import { bytesWords, durationWords, instantWords } from '../words.js'
import { fact } from './facts.js'
import { pointExports, pointsOf } from './point-reads.js'

const leases = [
  { value: '3600', label: '1 hour' },
  { value: '28800', label: '8 hours' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
] as const

/** What is opened can be read by whoever is root on this appliance, and by nobody else. */
export const exportForm = (point: PointView): FormPage => ({
  title: `Export ${point.vmName} as of ${instantWords(point.at)} UTC`,
  values: { lease: '3600' },
  back: null,
  spec: {
    notes: [
      'Every disk of the point is served read-only on a unix socket of this appliance, until the lease ends. The point is kept for so long.',
    ],
    fields: [choiceField('lease', 'For', leases)],
    problems: () => ({}),
    submit: 'Export',
  },
  submit: values => ({
    kind: 'task',
    task: {
      what: `Export of ${point.vmName}`,
      run: async client => {
        const opened = await client.points.open(point.id, Number(values['lease'] ?? leases[0].value))
        return { kind: 'report', title: 'The disks can be read', body: openedBlocks(opened) }
      },
    },
  }),
})

/** Where the disks are is said once: the list of exports does not tell. */
const openedBlocks = (opened: OpenedPointView): readonly Block[] => [
  fact('Until', `${instantWords(opened.leaseUntil)} UTC`),
  paragraph([span('Write this down: it is not shown again.', 'warn')]),
  ...opened.disks.flatMap(disk => [
    { kind: 'gap' } as const,
    fact('Disk', `${disk.diskKey}  ${bytesWords(BigInt(disk.sizeBytes))}`),
    paragraph([span('Socket    ', 'dim'), span(disk.socket)], 10, 3),
    paragraph([span('Export    ', 'dim'), span(disk.exportName)], 10, 2),
  ]),
]

type Item = PointExportList['items'][number]

/** Of the VM the page was opened from; a point of another one is told by its id only. */
function pointWords({ read, params }: PageContext, { pointId }: Item): string {
  const point = read(pointsOf(params.id)).value?.items.find(each => each.id === pointId)
  return point === undefined ? `of another VM, ${pointId}` : `${params.name} as of ${instantWords(point.at)}`
}

const endExport = (item: Item, point: string): Next => ({
  kind: 'question',
  question: {
    title: 'End the export?',
    body: [
      paragraph([span('Point     ', 'dim'), span(point)], 10, 2),
      fact('Until', `${instantWords(item.leaseUntil)} UTC`),
      paragraph([span('Whoever reads its disks gets an error at once.')]),
    ],
    keep: 'Let it be',
    button: 'End it',
    typedWord: 'REVOKE',
    task: {
      what: 'Ending the export',
      run: async client => {
        await client.points.close(item.id)
        return { kind: 'done', text: 'The export was ended.' }
      },
    },
  },
})

export const pointExportsPage: Page = {
  name: 'point-exports',
  title: 'Exported recovery points',
  section: 'vms',
  about:
    'Recovery points that are served as read-only disks now, of all VMs. A point cannot be deleted for as long as it is exported.',
  reads: ({ id }) => [pointExports, pointsOf(id)],
  head: () => [],
  table: {
    columns: [
      column('Point', 20, { grow: 1 }),
      column('Until (UTC)', 19),
      column('Left', 9, { align: 'right' }),
      column('Export', 20, { grow: 1, fromCols: 110 }),
    ],
    rows: context =>
      (context.read(pointExports).value?.items ?? []).map(item => ({
        id: item.id,
        text: `${pointWords(context, item)} ${item.id}`,
        fields: { point: item.pointId },
        cells: () => [
          textCell(pointWords(context, item)),
          textCell(instantWords(item.leaseUntil)),
          textCell(durationWords((Date.parse(item.leaseUntil) - context.nowMs) / 1000)),
          textCell(item.id),
        ],
      })),
    empty: ({ read }) =>
      read(pointExports).value === null ? 'Reading the exports ...' : 'No recovery point is exported.',
    filterFields: ['point'],
    canMark: false,
    orderedBy: null,
  },
  foot: () => [],
  actions: [
    {
      key: 'D',
      label: 'End',
      help: 'end the selected export (wants a word typed)',
      isOffered: (_context, row) => row !== null,
      run: (context, row) => {
        const item = context.read(pointExports).value?.items.find(each => each.id === row?.id)
        return item === undefined
          ? { kind: 'refused', why: 'There is no export to end.' }
          : endExport(item, pointWords(context, item))
      },
    },
  ],
}
