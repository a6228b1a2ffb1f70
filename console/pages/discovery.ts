import type { AddOutcome } from '../../agent/api/source-vms.js'
import type { SourceVmView } from '../../agent/api/schemas.js'
import type { Feature, Next, Page, PageContext, PageRow, Task } from '../page.js'
import { column, line, paragraph, span, textCell, type Block } from '../view.js'
import { bytesWords } from '../words.js'
import { fact } from './facts.js'

/** The API takes so many at once. */
const maxVms = 1000

function rowOf(vm: SourceVmView): PageRow {
  const managed = vm.managedAt === null ? 'no' : 'yes'
  return {
    id: vm.id,
    text: `${vm.name} ${vm.folder} ${vm.host ?? ''}`,
    fields: {
      name: vm.name,
      folder: vm.folder,
      host: vm.host ?? '',
      power: vm.power,
      managed,
      job: vm.jobState ?? 'none',
    },
    cells: () => [
      textCell(vm.name),
      textCell(vm.power, vm.power === 'unknown' ? 'warn' : 'plain'),
      textCell(managed, managed === 'yes' ? 'good' : 'dim'),
      textCell(vm.folder === '' ? 'unknown' : vm.folder),
      textCell(vm.host ?? 'unknown'),
      textCell(bytesWords(BigInt(vm.capacityBytes))),
    ],
  }
}

/** The marked VMs, or the selected one. */
const chosenIds = ({ marked }: PageContext, row: PageRow | null): readonly string[] =>
  marked.length > 0 ? marked : row === null ? [] : [row.id]

const namesOf = ({ vms }: PageContext, ids: readonly string[]): readonly string[] =>
  ids.map(id => vms?.find(vm => vm.id === id)?.name ?? id)

function listed(names: readonly string[]): Block {
  const more = names.length > 8 ? ` and ${names.length - 8} more` : ''
  return paragraph([span(`${names.slice(0, 8).join(', ')}${more}`)], 0, 5)
}

const addTask = (ids: readonly string[]): Task => ({
  what: `Adding ${ids.length} VMs`,
  run: async client => {
    const outcomes = await client.manageVms(ids)
    const failed = outcomes.filter(({ outcome }) => outcome === 'failed')
    const added = outcomes.filter(({ outcome }) => outcome === 'added').length
    const text = `${added} added, ${outcomes.length - added - failed.length} were there, ${failed.length} failed.`
    if (failed.length === 0) return { kind: 'done', text }
    return {
      kind: 'report',
      title: 'Not all VMs were added',
      body: [line(span(text, 'warn')), ...failures(failed)],
    }
  },
})

const failures = (failed: readonly AddOutcome[]): readonly Block[] =>
  failed
    .slice(0, 6)
    .map(({ sourceVmId, failure }) =>
      paragraph(
        [
          span(`${sourceVmId}: `),
          span(failure === null ? 'unknown' : `${failure.code}, ${failure.message}`, 'bad'),
        ],
        2,
        2,
      ),
    )

function add(context: PageContext, row: PageRow | null): Next {
  const ids = chosenIds(context, row)
  if (ids.length === 0) return { kind: 'refused', why: 'No VM is marked or selected.' }
  if (ids.length > maxVms)
    return { kind: 'refused', why: `At most ${maxVms} VMs at once: ${ids.length} are marked.` }
  return {
    kind: 'question',
    question: {
      title: ids.length === 1 ? 'Add this VM?' : `Add ${ids.length} VMs?`,
      body: [
        listed(namesOf(context, ids)),
        { kind: 'gap' },
        paragraph([span('They become managed. Nothing is replicated by that.')]),
      ],
      keep: 'Cancel',
      button: 'Add',
      typedWord: null,
      task: addTask(ids),
    },
  }
}

function remove(context: PageContext, row: PageRow | null): Next {
  const vm = context.vms?.find(each => each.id === row?.id)
  if (vm === undefined) return { kind: 'refused', why: 'No VM is selected.' }
  if (vm.managedAt === null) return { kind: 'refused', why: 'This VM is not managed.' }
  if (vm.jobId !== null) return { kind: 'refused', why: 'It has a replication job: delete that first.' }
  return {
    kind: 'question',
    question: {
      title: 'Take it out of management?',
      body: [fact('VM', vm.name), paragraph([span('It can be added again at any time.')])],
      keep: 'Keep it',
      button: 'Take it out',
      typedWord: 'REMOVE',
      task: {
        what: `Taking ${vm.name} out of management`,
        run: async client => {
          await client.unmanageVm(vm.id)
          return { kind: 'done', text: `${vm.name} is not managed any more.` }
        },
      },
    },
  }
}

const discovery: Page = {
  name: 'discovery',
  title: 'Discovery',
  section: 'vms',
  about:
    'All VMs vCenter shows. Mark with Space (* marks all that the filter shows) and add them to management. Filter: words, name:, folder:, host:, power:on, managed:no, job:none.',
  reads: () => [],
  head: () => [],
  table: {
    columns: [
      column('Name', 18, { grow: 2 }),
      column('Power', 9),
      column('Managed', 7),
      column('Folder', 14, { grow: 2 }),
      column('Host', 12, { grow: 1, fromCols: 100 }),
      column('Capacity', 9, { align: 'right' }),
    ],
    rows: ({ vms }) => (vms ?? []).map(rowOf),
    empty: ({ vms }) =>
      vms === null ? 'Reading the inventory ...' : 'vCenter shows no VM to this appliance.',
    filterFields: ['name', 'folder', 'host', 'power', 'managed', 'job'],
    canMark: true,
    orderedBy: 0,
  },
  foot: () => [],
  actions: [
    {
      key: 'a',
      label: 'Add',
      help: 'add the marked VMs, or the selected one, to management (asks first)',
      isOffered: (_context, row) => row !== null,
      run: add,
    },
    {
      key: 'd',
      label: 'Take out',
      help: 'take the selected VM out of management (wants a word typed)',
      isOffered: (_context, row) => row?.fields['managed'] === 'yes',
      run: remove,
    },
  ],
}

export const discoveryFeature: Feature = {
  pages: [discovery],
  links: [
    {
      from: ['home', 'vms'],
      key: 'a',
      label: 'Add VMs',
      help: 'all VMs of vCenter, to be added to management',
      isOffered: () => true,
      run: () => ({ kind: 'open', page: 'discovery', params: { id: '', name: '' } }),
    },
  ],
}
