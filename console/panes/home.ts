import type { JobView } from '../../agent/api/schemas.js'
import { attentionRows, jobStateWords, type AttentionRow } from '../lists.js'
import { agentNowMs, type State } from '../state.js'
import { selectedIndex } from '../table.js'
import { column, lazyRows, line, span, textCell, type Block, type Span, type TableRow } from '../view.js'
import { ageSeconds, ageWords, bytesWords, durationWords } from '../words.js'

const fact = (label: string, ...spans: readonly Span[]): Block =>
  line(span(label.padEnd(14), 'dim'), ...spans)

/** Section 1: where this is reached, what it reaches, what is replicated, what somebody has to look at. */
export function homeBody(state: State): readonly Block[] {
  return [
    fact('Address', ...addressSpans(state)),
    fact('VMA', ...vmaSpans(state)),
    fact('vCenter', ...sourceSpans(state)),
    { kind: 'rule', title: 'Replication' },
    ...replicationBlocks(state),
    { kind: 'rule', title: `Throughput, ${rateWords(state)}` },
    { kind: 'chart', values: rateFractions(state), rows: 3 },
    { kind: 'rule', title: 'Needs attention' },
    attentionTable(state),
  ]
}

function addressSpans(state: State): readonly Span[] {
  if (state.addresses === null) return [span('unknown', 'warn')]
  if (state.addresses.length === 0) return [span('!! none: this appliance is in no network', 'bad')]
  return [span(state.addresses.map(each => `${each.address} (${each.interfaceName})`).join('  '), 'strong')]
}

function vmaSpans(state: State): readonly Span[] {
  const vma = state.data.status.value?.vma
  if (vma === undefined) return [span('not read yet', 'dim')]
  const seen =
    vma.lastSeenAt === null ? 'never heard' : `heard ${ageWords(vma.lastSeenAt, agentNowMs(state))} ago`
  switch (vma.state) {
    case 'connected':
      return [
        span('ok connected', 'good'),
        span(`, ${seen}${vma.version === null ? '' : `, version ${vma.version}`}`),
      ]
    case 'lost':
      return [span('!! lost', 'bad'), span(`, ${seen}`)]
    case 'refused':
      return [span('!! refused: another version', 'bad'), span(`, ${seen}`)]
    case 'unknown':
      return [span('? unknown', 'warn'), span(`, ${seen}`)]
  }
}

function sourceSpans(state: State): readonly Span[] {
  const source = state.data.status.value?.source
  if (source === undefined) return [span('not read yet', 'dim')]
  const checked =
    source.checkedAt === null
      ? 'never checked'
      : `checked ${ageWords(source.checkedAt, agentNowMs(state))} ago`
  switch (source.state) {
    case 'ok':
      return [span('ok answers', 'good'), span(`, ${checked}`)]
    case 'failed':
      return [span('!! failed', 'bad'), span(`, ${checked}`)]
    case 'unknown':
      return [span('? unknown', 'warn'), span(`, ${checked}`)]
  }
}

function replicationBlocks(state: State): readonly Block[] {
  const jobs = state.data.jobs.value
  const vms = state.data.vms.value
  if (jobs === null) return [fact('VMs', span('not read yet', 'dim'))]
  const running = jobs.filter(job => job.currentPass !== null).length
  const usable = jobs.filter(job => job.recoveryPointAt !== null).length
  return [
    fact(
      'VMs',
      span(`${usable} with a recovery point`, 'strong'),
      span(`, ${jobs.length} with a job, ${vms === null ? 'unknown' : vms.length} in the inventory`),
    ),
    fact('Oldest point', ...oldestSpans(jobs, agentNowMs(state))),
    fact('Passes', span(running === 0 ? 'none runs' : running === 1 ? '1 runs' : `${running} run`)),
  ]
}

/** The most that a failover of everything would lose. */
function oldestSpans(jobs: readonly JobView[], nowMs: number): readonly Span[] {
  const aged = jobs.flatMap(job => {
    const seconds = job.recoveryPointAt === null ? null : ageSeconds(job.recoveryPointAt, nowMs)
    return seconds === null ? [] : [{ name: job.vmName, seconds }]
  })
  const without = jobs.filter(job => job.recoveryPointAt === null).length
  const none = without === 0 ? [] : [span(`   ${without} without any`, 'warn')]
  const [first, ...rest] = aged
  if (first === undefined) return [span('none', 'dim'), ...none]
  const oldest = rest.reduce((worst, each) => (each.seconds > worst.seconds ? each : worst), first)
  return [span(durationWords(oldest.seconds), 'strong'), span(` ${oldest.name}`), ...none]
}

function rateWords(state: State): string {
  const newest = state.rates.at(-1)
  if (newest === undefined) return 'not read yet'
  if (newest.bytesPerSec === null) return 'now unknown'
  const most = state.rates.reduce((max, each) => {
    const rate = each.bytesPerSec ?? 0n
    return rate > max ? rate : max
  }, 0n)
  return `now ${bytesWords(newest.bytesPerSec)}/s, most ${bytesWords(most)}/s`
}

function rateFractions(state: State): readonly (number | null)[] {
  const most = state.rates.reduce((max, each) => Math.max(max, Number(each.bytesPerSec ?? 0n)), 0)
  return state.rates.map(each =>
    each.bytesPerSec === null ? null : most === 0 ? 0 : Number(each.bytesPerSec) / most,
  )
}

function attentionTable(state: State): Block {
  const rows = attentionRows(state)
  const nowMs = agentNowMs(state)
  return {
    kind: 'table',
    columns: [
      column('VM', 20, { grow: 1 }),
      column('State', 17),
      column('Point age', 9, { align: 'right' }),
      column('Why', 26, { grow: 1 }),
    ],
    rows: lazyRows(rows, row => attentionRow(row, nowMs)),
    selected: selectedIndex(
      rows.map(row => row.id),
      state.tables.attention,
    ),
    focused: true,
    marked: true,
    empty: state.data.jobs.value === null ? 'Reading the jobs ...' : 'Nothing does.',
    maxRows: null,
    sort: null,
  }
}

function attentionRow({ id, name, job, state }: AttentionRow, nowMs: number): TableRow {
  const point = job?.recoveryPointAt ?? null
  return {
    id,
    cells: [
      textCell(name),
      textCell(`${state.mark.padEnd(2)} ${state.words}`, state.tone),
      textCell(point === null ? 'none' : ageWords(point, nowMs)),
      textCell(whyWords(job)),
    ],
  }
}

/** The code of the last failure; the VM's screen says the rest. */
function whyWords(job: JobView | null): string {
  if (job === null) return 'its job has not been read'
  return job.lastPass?.failure?.code ?? jobStateWords(job).words
}
