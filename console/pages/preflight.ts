import { PreflightView } from '../../agent/api/preflight.js'
import type { Feature, Page, Read } from '../page.js'
import { column, line, paragraph, span, textCell, type Tone } from '../view.js'
import { ageWords } from '../words.js'

/** Asking runs the check: vCenter is looked at each time. */
const findingsOf = (vmId: string): Read<typeof PreflightView> => ({
  key: `preflight ${vmId}`,
  what: 'the preflight check',
  schema: PreflightView,
  everyMs: null,
  ask: client => client.runPreflight(vmId),
})

const marks: Readonly<
  Record<'blocker' | 'warning' | 'info', { readonly words: string; readonly tone: Tone }>
> = {
  blocker: { words: '!! blocker', tone: 'bad' },
  warning: { words: '!  warning', tone: 'warn' },
  info: { words: '   info', tone: 'plain' },
}

const preflight: Page = {
  name: 'preflight',
  title: 'Preflight',
  section: 'vms',
  about:
    'What speaks against replicating this VM, worst first, with what to do about it. "not-checked" is a finding: what could not be looked at is not good.',
  reads: ({ id }) => [findingsOf(id)],
  head: ({ read, params, nowMs }) => {
    const found = read(findingsOf(params.id)).value
    if (found === null) return [line(span('The VMA is looking at the VM ...', 'dim'))]
    const blockers = found.findings.filter(({ severity }) => severity === 'blocker').length
    const verdict =
      blockers === 0
        ? span('ok nothing blocks replication', 'good')
        : span(`!! ${blockers === 1 ? '1 finding blocks' : `${blockers} findings block`} replication`, 'bad')
    return [line(verdict, span(`   looked at ${ageWords(found.checkedAt, nowMs)} ago`, 'dim'))]
  },
  table: {
    columns: [column('Weight', 11), column('Finding', 22), column('What', 30, { grow: 1 })],
    rows: ({ read, params }) =>
      (read(findingsOf(params.id)).value?.findings ?? []).map((finding, at) => ({
        id: `${at} ${finding.code}`,
        text: `${finding.code} ${finding.severity} ${finding.what}`,
        fields: { weight: finding.severity, code: finding.code },
        cells: () => [
          textCell(marks[finding.severity].words, marks[finding.severity].tone),
          textCell(finding.code),
          textCell(finding.what),
        ],
      })),
    empty: ({ read, params }) =>
      read(findingsOf(params.id)).value === null
        ? 'Nothing was found out yet.'
        : 'Nothing speaks against it.',
    filterFields: ['weight', 'code'],
    canMark: false,
    orderedBy: null,
  },
  foot: ({ read, params }, row) => {
    const findings = read(findingsOf(params.id)).value?.findings ?? []
    const chosen = findings.find((finding, at) => `${at} ${finding.code}` === row?.id)
    if (chosen === undefined) return []
    return [
      { kind: 'rule', title: chosen.code },
      paragraph([span(chosen.what)], 0, 4),
      paragraph([span('Next: ', 'strong'), span(chosen.remedy)], 6, 4),
    ]
  },
  actions: [],
}

export const preflightFeature: Feature = {
  pages: [preflight],
  links: [
    {
      from: ['vm'],
      key: 'f',
      label: 'Preflight',
      help: 'look for what speaks against replicating this VM',
      isOffered: ({ vm }) => vm !== null,
      run: ({ vm }) =>
        vm === null
          ? { kind: 'refused', why: 'The VM is not in the inventory (any more).' }
          : { kind: 'open', page: 'preflight', params: { id: vm.id, name: vm.name } },
    },
  ],
}
