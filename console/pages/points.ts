import type { PointList, PointView } from '../../agent/api/points.js'
import type { JobView } from '../../agent/api/schemas.js'
import type { Feature, Next, Page, PageContext, PageRow, Shown } from '../page.js'
import { column, line, paragraph, span, textCell, type Block } from '../view.js'
import { ageWords, bytesWords, instantWords } from '../words.js'
import { exactSeconds } from './amounts.js'
import { fact } from './facts.js'
import { deleteQuestion, goBackQuestion, pinNext, policyForm, restoreForm } from './point-actions.js'
import { pointPage } from './point.js'
import { exportForm, pointExportsPage } from './point-exports.js'
import { comparisonsOf, evidenceWords, pointExports, pointsOf, standingWords } from './point-reads.js'
import { restorePage } from './restore.js'

const noPoint: Next = { kind: 'refused', why: 'There is no recovery point to choose.' }

const pointOf = ({ read, params }: PageContext, row: PageRow | null): PointView | undefined =>
  read(pointsOf(params.id)).value?.items.find(item => item.id === row?.id)

const jobOf = ({ jobs, params }: PageContext): JobView | undefined => jobs?.find(job => job.id === params.id)

/** What the volumes are worth now: with the source gone, it is all there is. */
function replicaFact(context: PageContext): Block {
  const replica = jobOf(context)?.replica
  if (replica === undefined) return fact('Volumes', 'unknown', 'warn')
  const why = replica.why === null ? '' : `: ${replica.why}`
  switch (replica.state) {
    case 'at-point':
      return fact('Volumes', 'ok are the newest point', 'good')
    case 'finishing':
      return fact('Volumes', `>  are being made the newest point${why}`, 'warn')
    case 'no-point':
      return fact('Volumes', `!! are no recovery point${why}`, 'bad')
    case 'none':
      return fact('Volumes', '.. nothing was committed yet', 'warn')
  }
}

function keptFact({ usable, hoursKept, undoBytes }: PointList): Block {
  const span = hoursKept === null ? 'none to tell a span from' : `over ${hoursKept.toFixed(1)} hours`
  return fact('Usable', `${usable}, ${span}   undo ${bytesWords(BigInt(undoBytes))}`)
}

const policyFact = ({ policy }: PointList): Block =>
  fact(
    'Policy',
    `at most ${policy.maxPoints}, ${policy.maxAgeSeconds === null ? 'of any age' : `not older than ${exactSeconds(policy.maxAgeSeconds)}`}, undo up to ${bytesWords(BigInt(policy.capBytes))}`,
  )

function exportedWords({ read }: PageContext, point: PointView): string {
  const list = read(pointExports).value
  if (list === null) return 'unknown'
  return list.items.some(item => item.pointId === point.id) ? 'yes' : 'no'
}

function pointFacts(context: PageContext, point: PointView): readonly Block[] {
  const { standing } = point
  const checked = point.disks.filter(disk => disk.checkedSum !== null).length
  return [
    { kind: 'rule', title: `Point of pass ${point.passNumber}` },
    fact(
      'Disks',
      `${point.disks.length}, ${checked} written as they were read   exported: ${exportedWords(context, point)}`,
    ),
    ...('why' in standing
      ? [
          paragraph(
            [span('Why       ', 'dim'), span(standing.why), span(`, ${instantWords(standing.endedAt)} UTC`)],
            10,
            2,
          ),
        ]
      : [fact('Committed', `${instantWords(point.committedAt)} UTC`)]),
  ]
}

const points: Page = {
  name: 'points',
  title: 'Recovery points',
  section: 'vms',
  about:
    'Instants of the source that the volumes can be brought back to, newest first. "Undo" is what was overwritten since, and is read through. "Compared" says what a verification found on this very point.',
  reads: ({ id }) => [pointsOf(id), comparisonsOf(id), pointExports],
  head: context => {
    const list = context.read(pointsOf(context.params.id)).value
    if (list === null) return [line(span('Reading the recovery points ...', 'dim'))]
    return [replicaFact(context), keptFact(list), policyFact(list)]
  },
  table: {
    columns: [
      column('Source as of (UTC)', 19),
      column('Age', 8, { align: 'right' }),
      column('State', 17, { grow: 1 }),
      column('Undo', 9, { align: 'right' }),
      column('Pin', 3),
      column('Compared', 12),
      column('Exported', 8, { fromCols: 100 }),
      column('Pass', 6, { align: 'right', fromCols: 100 }),
    ],
    rows: context =>
      (context.read(pointsOf(context.params.id)).value?.items ?? []).map(point => {
        const { words, tone } = standingWords(point)
        return {
          id: point.id,
          text: `${instantWords(point.at)} ${words}`,
          fields: { state: point.standing.kind, pinned: point.pinned ? 'yes' : 'no' },
          cells: () => {
            const evidence = evidenceWords(context, point)
            return [
              textCell(instantWords(point.at)),
              textCell(ageWords(point.at, context.nowMs)),
              textCell(words, tone),
              textCell(point.standing.kind === 'kept' ? bytesWords(BigInt(point.standing.undoBytes)) : ''),
              textCell(point.pinned ? 'pin' : '', 'accent'),
              textCell(evidence.words, evidence.tone),
              textCell(exportedWords(context, point)),
              textCell(`#${point.passNumber}`),
            ]
          },
        }
      }),
    empty: ({ read, params }) =>
      read(pointsOf(params.id)).value === null
        ? 'Nothing is known of them yet.'
        : 'No pass was committed yet: there is nothing to go back to.',
    filterFields: ['state', 'pinned'],
    canMark: false,
    orderedBy: null,
  },
  foot: (context, row) => {
    const point = pointOf(context, row)
    return point === undefined ? [] : pointFacts(context, point)
  },
  actions: [
    {
      key: 'enter',
      label: 'Disks',
      help: 'show the disks of the point',
      isOffered: (_context, row) => row !== null,
      run: ({ params }, row) =>
        row === null
          ? noPoint
          : { kind: 'open', page: 'point', params: { id: `${params.id} ${row.id}`, name: params.name } },
    },
    {
      key: 'e',
      label: 'Export',
      help: 'serve the disks of the point, read-only, for a while',
      isOffered: (context, row) => pointOf(context, row)?.isUsable === true,
      run: (context, row) => {
        const point = pointOf(context, row)
        if (point === undefined) return noPoint
        if (!point.isUsable) return { kind: 'refused', why: 'This point cannot be used.' }
        return { kind: 'form', form: exportForm(point) }
      },
    },
    {
      key: 'R',
      label: 'Restore',
      help: 'bring the volumes back to the point (wants the name of the VM typed)',
      isOffered: (context, row) => pointOf(context, row)?.standing.kind === 'kept',
      run: (context, row) => {
        const point = pointOf(context, row)
        if (point === undefined) return noPoint
        if (point.standing.kind === 'on-volume')
          return { kind: 'refused', why: 'The volumes are this point: b ends what a pass has not committed.' }
        if (point.standing.kind !== 'kept' || !point.isUsable)
          return { kind: 'refused', why: 'This point cannot be used.' }
        return { kind: 'form', form: restoreForm(point, context.nowMs) }
      },
    },
    {
      key: 'b',
      label: 'Go back',
      help: 'end what is not committed: back to the last committed point (wants the name of the VM typed)',
      isOffered: context => (jobOf(context)?.recoveryPointAt ?? null) !== null,
      run: context => {
        const job = jobOf(context)
        return job === undefined
          ? { kind: 'refused', why: 'The replication job is not known yet.' }
          : goBackQuestion(job)
      },
    },
    {
      key: 'p',
      label: 'Pin',
      help: 'keep the point whatever the policy says, or not any more (then wants a word typed)',
      isOffered: (context, row) => pointOf(context, row)?.isUsable === true,
      run: (context, row) => {
        const point = pointOf(context, row)
        return point === undefined ? noPoint : pinNext(point, context.nowMs)
      },
    },
    {
      key: 'y',
      label: 'Policy',
      help: 'say how many points are kept, and for how long',
      isOffered: ({ read, params }) => read(pointsOf(params.id)).value !== null,
      run: ({ read, params }) => {
        const list = read(pointsOf(params.id)).value
        return list === null
          ? { kind: 'refused', why: 'The policy is not known yet.' }
          : { kind: 'form', form: policyForm(params.id, params.name, list.policy) }
      },
    },
    {
      key: 'x',
      label: 'Exports',
      help: 'points that are exported now, and their end',
      isOffered: () => true,
      run: ({ params }) => ({ kind: 'open', page: 'point-exports', params }),
    },
    {
      key: 'D',
      label: 'Delete',
      help: 'delete the point (wants a word typed)',
      isOffered: (context, row) => pointOf(context, row)?.standing.kind === 'kept',
      run: (context, row) => {
        const point = pointOf(context, row)
        if (point === undefined) return noPoint
        if (point.standing.kind !== 'kept')
          return { kind: 'refused', why: 'Only a point that is kept by undo can be deleted.' }
        return deleteQuestion(point, context.nowMs)
      },
    },
  ],
}

const isThere = ({ job }: Shown): boolean => job !== null

export const pointFeature: Feature = {
  pages: [points, pointPage, pointExportsPage, restorePage],
  links: [
    {
      from: ['vm', 'job'],
      key: 'P',
      label: 'Points',
      help: 'recovery points: export, restore, policy',
      isOffered: isThere,
      run: ({ job }) =>
        job === null
          ? { kind: 'refused', why: 'This VM has no replication job: it has no recovery point.' }
          : { kind: 'open', page: 'points', params: { id: job.id, name: job.vmName } },
    },
  ],
}
