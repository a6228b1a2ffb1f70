import type { PointView } from '../../agent/api/points.js'
import type { Page, PageContext } from '../page.js'
import { column, line, span, textCell } from '../view.js'
import { ageWords, bytesWords, instantWords } from '../words.js'
import { fact } from './facts.js'
import { comparisonsOf, evidenceWords, pointsOf, standingWords } from './point-reads.js'

/** `jobId pointId`: a job's points are read together. */
const split = (id: string): { readonly jobId: string; readonly pointId: string } => {
  const [jobId = '', pointId = ''] = id.split(' ')
  return { jobId, pointId }
}

const pointNamed = ({ read, params }: PageContext): PointView | undefined => {
  const { jobId, pointId } = split(params.id)
  return read(pointsOf(jobId)).value?.items.find(item => item.id === pointId)
}

export const pointPage: Page = {
  name: 'point',
  title: 'Recovery point',
  section: 'vms',
  about:
    'The disks of one recovery point. A digest is of what its pass wrote, as it was read back before it counted; "none" is a pass that wrote the volume directly.',
  reads: ({ id }) => [pointsOf(split(id).jobId), comparisonsOf(split(id).jobId)],
  head: context => {
    const found = pointNamed(context)
    if (found === undefined) return [line(span('This point is not in the list (any more).', 'warn'))]
    const standing = standingWords(found)
    const evidence = evidenceWords(context, found)
    return [
      line(
        span('Point     ', 'dim'),
        span(`source as of ${instantWords(found.at)} UTC, ${ageWords(found.at, context.nowMs)} old`),
      ),
      line(
        span('State     ', 'dim'),
        span(standing.words, standing.tone),
        span(found.pinned ? '   pinned' : ''),
      ),
      line(span('Compared  ', 'dim'), span(evidence.words, evidence.tone)),
      fact('Round', found.roundId ?? 'of no round: other VMs show another moment'),
    ]
  },
  table: {
    columns: [
      column('Disk', 12),
      column('Size', 9, { align: 'right' }),
      column('Written as it was read', 30, { grow: 1 }),
      column('Volume', 36, { fromCols: 110 }),
    ],
    rows: context =>
      (pointNamed(context)?.disks ?? []).map(disk => ({
        id: disk.diskKey,
        text: `${disk.label} ${disk.volumeId}`,
        fields: {},
        cells: () => [
          textCell(disk.label),
          textCell(bytesWords(BigInt(disk.sizeBytes))),
          textCell(disk.checkedSum ?? 'not compared', disk.checkedSum === null ? 'dim' : 'plain'),
          textCell(disk.volumeId),
        ],
      })),
    empty: () => 'It has no disks.',
    filterFields: [],
    canMark: false,
    orderedBy: null,
  },
  foot: (context, row) => {
    const disk = pointNamed(context)?.disks.find(each => each.diskKey === row?.id)
    return disk === undefined ? [] : [{ kind: 'rule', title: disk.label }, fact('Volume', disk.volumeId)]
  },
  actions: [],
}
