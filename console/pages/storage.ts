import {
  VolumeOperationList,
  type VolumeOperationKind,
  type VolumeOperationView,
} from '../../agent/api/volumes.js'
import type { Feature, Page, PageAction, PageContext, PageRow, Read } from '../page.js'
import { column, paragraph, span, textCell, type Block, type Tone } from '../view.js'
import { ageWords, instantWords } from '../words.js'
import { fact } from './facts.js'
import { lookForm, operationForm, type AskedKind } from './volume-forms.js'

const operations: Read<typeof VolumeOperationList> = {
  key: 'volume-operations',
  what: 'the operations on volumes',
  schema: VolumeOperationList,
  everyMs: 2000,
  ask: async client => ({ items: await client.volumes.operations({ limit: 200 }) }),
}

const operationOf = ({ read }: PageContext, row: PageRow | null): VolumeOperationView | undefined =>
  read(operations).value?.items.find(item => item.id === row?.id)

function stateWords({ state, drift }: VolumeOperationView): { readonly words: string; readonly tone: Tone } {
  if (drift !== null) return { words: '!! drifted', tone: 'bad' }
  switch (state) {
    case 'pending':
      return { words: '.. waits', tone: 'dim' }
    case 'running':
      return { words: '>  runs', tone: 'accent' }
    case 'succeeded':
      return { words: 'ok done', tone: 'good' }
    case 'failed':
      return { words: '!! failed', tone: 'bad' }
  }
}

/** Kinds that are about a VM, of CloudStack or this one. */
const hasTarget: ReadonlySet<VolumeOperationKind> = new Set(['attach', 'attach-root', 'detach', 'clean-up'])

function operationFacts(operation: VolumeOperationView): readonly Block[] {
  const { failure } = operation
  return [
    { kind: 'rule', title: `Operation ${operation.number}, ${operation.kind}` },
    fact('Volume', operation.volumeId ?? 'not made yet'),
    ...(hasTarget.has(operation.kind) ? [fact('VM', operation.vmId ?? 'this appliance')] : []),
    ...(operation.devicePath === null ? [] : [fact('Device', operation.devicePath)]),
    ...(operation.drift === null ? [] : [paragraph([span(`Drift: ${operation.drift}`, 'bad')], 3, 2)]),
    ...(failure === null
      ? []
      : [
          paragraph(
            [
              span(`${failure.code}: ${failure.message} `, 'bad'),
              span('Next: ', 'strong'),
              span(failure.next),
            ],
            3,
            3,
          ),
        ]),
  ]
}

const operationKey = (key: string, kind: AskedKind, label: string, help: string): PageAction => ({
  key,
  label,
  help,
  isOffered: () => true,
  run: (context, row) => {
    const operation = operationOf(context, row)
    const known = { volumeId: operation?.volumeId ?? '', vmId: operation?.vmId ?? '' }
    return { kind: 'form', form: operationForm(kind, kind === 'create' ? {} : known) }
  },
})

const open = (key: string, label: string, help: string, page: string): PageAction => ({
  key,
  label,
  help,
  isOffered: () => true,
  run: () => ({ kind: 'open', page, params: { id: '', name: '' } }),
})

const storage: Page = {
  name: 'storage',
  title: 'Operations on volumes',
  section: 'storage',
  about:
    'What was asked for on volumes, newest first. Operations on one volume run one after the other. What is asked here goes on by itself, also when the console is left.',
  reads: () => [operations],
  head: () => [],
  table: {
    columns: [
      column('No', 6, { align: 'right' }),
      column('Kind', 11),
      column('State', 10),
      column('Volume', 20, { grow: 1 }),
      column('Asked', 8, { align: 'right' }),
      column('Ended (UTC)', 19, { fromCols: 110 }),
    ],
    rows: ({ read, nowMs }) =>
      (read(operations).value?.items ?? []).map(item => {
        const { words, tone } = stateWords(item)
        return {
          id: item.id,
          text: `${item.number} ${item.kind} ${words} ${item.volumeId ?? ''} ${item.vmId ?? ''}`,
          fields: { kind: item.kind, state: item.state, volume: item.volumeId ?? '' },
          cells: () => [
            textCell(item.number),
            textCell(item.kind),
            textCell(words, tone),
            textCell(item.volumeId ?? 'not made yet', item.volumeId === null ? 'dim' : 'plain'),
            textCell(ageWords(item.requestedAt, nowMs)),
            textCell(item.endedAt === null ? '' : instantWords(item.endedAt)),
          ],
        }
      }),
    empty: ({ read }) =>
      read(operations).value === null
        ? 'Reading the operations ...'
        : 'Nothing was asked for yet. n makes a volume.',
    filterFields: ['kind', 'state', 'volume'],
    canMark: false,
    orderedBy: null,
  },
  foot: (context, row) => {
    const operation = operationOf(context, row)
    return operation === undefined ? [] : operationFacts(operation)
  },
  actions: [
    {
      key: 'enter',
      label: 'Volume',
      help: 'look at the volume of this operation, or at any other',
      isOffered: () => true,
      run: (context, row) => {
        const id = operationOf(context, row)?.volumeId ?? null
        return id === null
          ? { kind: 'form', form: lookForm('') }
          : { kind: 'open', page: 'volume', params: { id, name: id } }
      },
    },
    operationKey('n', 'create', 'New', 'create a volume'),
    operationKey('a', 'attach', 'Attach', 'attach a volume here or to a VM'),
    operationKey('d', 'detach', 'Detach', 'detach a volume (wants a word typed)'),
    open('e', 'Exports', 'volumes that are open for writing now', 'exports'),
    open('i', 'Findings', 'what is not as it is recorded; orphans', 'findings'),
    operationKey('D', 'delete', 'Delete', 'delete a volume and its data (wants a word typed)'),
    operationKey('R', 'revoke', 'End export', 'end the export of a volume (wants a word typed)'),
    operationKey('b', 'attach-root', 'Root disk', 'attach a volume to a VM as its root disk'),
    operationKey(
      'C',
      'clean-up',
      'Take back',
      'stop a VM and take a volume back from it (wants a word typed)',
    ),
    {
      key: 'v',
      label: 'Look',
      help: 'look at a volume by its id',
      isOffered: () => true,
      run: (context, row) => ({ kind: 'form', form: lookForm(operationOf(context, row)?.volumeId ?? '') }),
    },
  ],
}

export const storageFeature: Feature = { pages: [storage], links: [] }
