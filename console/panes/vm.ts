import type {
  JobDiskView,
  JobView,
  LastVerification,
  PassDiskView,
  SourceVmView,
} from '../../agent/api/schemas.js'
import { vmStateWords } from '../lists.js'
import { agentNowMs, jobOfVm, partFor, shownPassId, vmById, type State } from '../state.js'
import { selectedIndex } from '../table.js'
import {
  column,
  lazyRows,
  line,
  paragraph,
  span,
  textCell,
  type Block,
  type Column,
  type Span,
} from '../view.js'
import { ageWords, bytesWords, durationWords, instantWords, percentWords, syncWords } from '../words.js'
import { failureBlock, knownFailure } from './alarms.js'
import { diskFraction, movedWords, passMeter, passSeconds, passWords } from './progress.js'

const diskColumns: readonly Column[] = [
  column('Disk', 12, { grow: 2 }),
  column('Capacity', 8, { align: 'right' }),
  column('Volume', 9, { grow: 1 }),
  column('Sync', 11),
  column('Progress', 10),
  column('', 7, { align: 'right' }),
  column('Read', 10, { align: 'right' }),
]

const fact = (label: string, ...spans: readonly Span[]): Block =>
  line(span(label.padEnd(10), 'dim'), ...spans)

/** One VM: what it is, its job, its disks with what moves, its last pass. */
export function vmBody(state: State, vmId: string): readonly Block[] {
  const vm = vmById(state, vmId)
  const job = jobOfVm(state, vmId)
  const words = vm === null ? null : vmStateWords(vm, job, state.data.jobs.value !== null)
  const name = vm?.name ?? job?.vmName ?? vmId
  return [
    {
      kind: 'line',
      left: [span('VMs > ', 'dim'), span(name, 'strong')],
      right:
        words === null
          ? [span('not in the inventory', 'warn')]
          : [span(`${words.mark} ${words.words}`, words.tone)],
    },
    ...(vm === null ? [] : identity(state, vm)),
    ...(job === null ? noJob(state, vm) : jobBlocks(state, job)),
  ]
}

function identity(state: State, vm: SourceVmView): readonly Block[] {
  const seen = ageWords(vm.seenAt, agentNowMs(state))
  const power = span(vm.power, vm.power === 'unknown' ? 'warn' : 'plain')
  return [
    fact('Instance', span(vm.id)),
    fact(
      'Power',
      power,
      span(
        `   ${vm.diskCount} ${vm.diskCount === 1 ? 'disk' : 'disks'}, ${bytesWords(BigInt(vm.capacityBytes))}   seen ${seen} ago`,
      ),
    ),
  ]
}

function noJob(state: State, vm: SourceVmView | null): readonly Block[] {
  if (vm === null) return [line(span('This VM is not known (any more).', 'warn'))]
  if (vm.jobId !== null || state.data.jobs.value === null) return [fact('Job', span('not read yet', 'dim'))]
  return [
    fact('Job', span('none: this VM is not replicated, there is nothing to fail over to')),
    { kind: 'gap' },
    paragraph([
      span('s', 'accent'),
      span(
        ' starts replication: it creates the job, makes a volume per disk in CloudStack and copies all disks once.',
      ),
    ]),
  ]
}

function jobBlocks(state: State, job: JobView): readonly Block[] {
  const detail = partFor(state.data.job, job.id)
  const passId = shownPassId(state)
  const passDetail = passId === null ? null : partFor(state.data.pass, passId).value
  const disks = detail.value?.disks ?? []
  const keys = disks.map(disk => disk.diskKey)
  const selected = selectedIndex(keys, state.tables.disks)
  const moving = new Map((passDetail?.disks ?? []).map(disk => [disk.diskKey, disk]))
  const chosen = disks[selected]
  return [
    fact('Job', span(`${job.id}   created ${instantWords(job.createdAt)}`)),
    fact('Point', ...pointSpans(job, agentNowMs(state))),
    ...heldBackFacts(job),
    ...verifiedBlocks(detail.value?.lastVerification ?? null, agentNowMs(state)),
    ...passBlocks(state, job),
    { kind: 'rule', title: passDetail === null ? 'Disks' : `Disks, figures of pass ${passDetail.number}` },
    ...(detail.failure === null ? [] : [failureBlock(detail.failure)]),
    {
      kind: 'table',
      columns: diskColumns,
      rows: lazyRows(disks, disk => diskRow(disk, moving.get(disk.diskKey))),
      selected,
      focused: disks.length > 1,
      marked: true,
      empty: detail.value === null ? 'Reading the disks ...' : 'The job has no disks.',
      maxRows: null,
      sort: null,
    },
    ...(chosen === undefined ? [] : diskFacts(chosen, moving.get(chosen.diskKey))),
  ]
}

function pointSpans(job: JobView, nowMs: number): readonly Span[] {
  if (job.recoveryPointAt === null) return [span('none: there is nothing to fail over to yet', 'warn')]
  return [
    span(`${ageWords(job.recoveryPointAt, nowMs)} old`, 'strong'),
    span(`   source as of ${instantWords(job.recoveryPointAt)} UTC`),
  ]
}

/** Also where the state of the job says something worse. */
function heldBackFacts(job: JobView): readonly Block[] {
  const facts: Block[] = []
  if (job.pausedAt !== null)
    facts.push(
      fact(
        'Paused',
        span(`since ${instantWords(job.pausedAt)} UTC`, 'warn'),
        span(': nothing moves until Z is pressed'),
      ),
    )
  if (job.stoppedAt !== null)
    facts.push(
      fact(
        'Stopped',
        span(`since ${instantWords(job.stoppedAt)} UTC`, 'warn'),
        span(': no pass starts until X is pressed'),
      ),
    )
  return facts
}

/** What the last comparison of the volumes with their source found. */
function verifiedBlocks(last: LastVerification | null, nowMs: number): readonly Block[] {
  if (last === null) return []
  const age = `${ageWords(last.endedAt, nowMs)} ago`
  if (last.failure !== null) return [fact('Verified', span(`failed ${age}: ${last.failure.code}`, 'warn'))]
  const blocks = `${last.differingBlocks} of ${last.blocks} blocks differ`
  switch (last.state) {
    case 'identical':
      return [fact('Verified', span(`ok ${age}`, 'good'), span(`   ${blocks}`))]
    case 'different':
      return [fact('Verified', span(`!! differs, ${age}`, 'bad'), span(`   ${blocks}`))]
    case 'unknown':
    case null:
      return [fact('Verified', span(`unknown, ${age}: the changes since the point cannot be told`, 'warn'))]
  }
}

function passBlocks(state: State, job: JobView): readonly Block[] {
  const blocks: Block[] = []
  const nowMs = agentNowMs(state)
  const { currentPass, lastPass } = job
  if (currentPass !== null) {
    const { words, tone } = passWords(currentPass)
    blocks.push(
      fact(
        `Pass ${currentPass.number}`,
        span(words, tone),
        span(`   ${syncWords(currentPass.syncType)}   for ${durationWords(passSeconds(currentPass, nowMs))}`),
        span(currentPass.resumedCount > 0 ? `   resumed ${currentPass.resumedCount}x` : '', 'warn'),
      ),
      passMeter(currentPass),
    )
  }
  if (lastPass === null) return blocks
  const { words, tone } = passWords(lastPass)
  const ended = lastPass.endedAt === null ? '' : `  ended ${ageWords(lastPass.endedAt, nowMs)} ago`
  blocks.push(
    fact(
      'Last pass',
      span(`#${lastPass.number} `),
      span(words, tone),
      span(
        `  ${syncWords(lastPass.syncType)}  ${bytesWords(BigInt(lastPass.movedBytes))} in ${durationWords(passSeconds(lastPass, nowMs))}${ended}`,
      ),
    ),
  )
  if (lastPass.failure !== null) blocks.push(failureBlock(knownFailure(lastPass.failure)))
  return blocks
}

function diskRow(
  disk: JobDiskView,
  moving: PassDiskView | undefined,
): ReturnType<Parameters<typeof lazyRows>[1]> {
  const fraction = moving === undefined ? null : diskFraction(moving)
  return {
    id: disk.diskKey,
    cells: [
      textCell(disk.label),
      textCell(bytesWords(BigInt(disk.capacityBytes))),
      textCell(disk.volumeId ?? 'not made yet', disk.volumeId === null ? 'dim' : 'plain'),
      textCell(moving === undefined ? '' : syncWords(moving.syncType)),
      moving === undefined ? textCell('') : { kind: 'bar', fraction, tone: 'accent' },
      textCell(moving === undefined ? '' : percentWords(fraction)),
      textCell(moving === undefined ? '' : bytesWords(BigInt(moving.readBytes))),
    ],
  }
}

function diskFacts(disk: JobDiskView, moving: PassDiskView | undefined): readonly Block[] {
  const blocks: Block[] = [
    { kind: 'rule', title: disk.label },
    fact('Volume', span(disk.volumeId ?? 'not made yet')),
    fact(
      'Change ID',
      span(
        disk.changeId ?? 'none: the next pass looks at the whole disk',
        disk.changeId === null ? 'warn' : 'plain',
      ),
    ),
  ]
  if (moving === undefined) return blocks
  const size = (text: string): string => bytesWords(BigInt(text))
  blocks.push(
    fact('Read', span(movedWords(moving.readBytes, moving.plannedBytes))),
    fact(
      'Target',
      span(
        `written ${size(moving.writtenBytes)}   zeroed ${size(moving.zeroedBytes)}   skipped ${size(moving.skippedBytes)}   retried ${moving.retriedRequests}`,
      ),
    ),
  )
  if (moving.sentAgainBytes !== '0')
    blocks.push(fact('Again', span(`${size(moving.sentAgainBytes)} sent again after a copy broke`)))
  if (moving.fallbacks.length > 0) {
    blocks.push(paragraph([span('Fallback  ', 'dim'), span(moving.fallbacks.join('; '), 'warn')], 10, 2))
  }
  return blocks
}
