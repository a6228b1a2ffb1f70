import { StartVerification, VerificationList, VerificationView } from '../../agent/api/verification.js'
import { choiceField, textField } from '../form-schema.js'
import type { Feature, FormPage, Next, Page, PageParams, Read, Shown } from '../page.js'
import { column, line, paragraph, span, textCell, type Block, type Tone } from '../view.js'
import { ageWords, bytesWords, durationWords, instantWords } from '../words.js'
import { fact } from './facts.js'

const pollMs = 2000

const listOf = (jobId: string): Read<typeof VerificationList> => ({
  key: `verifications ${jobId}`,
  what: 'the verifications',
  schema: VerificationList,
  everyMs: pollMs,
  ask: async (client, signal) => ({ items: await client.verifications(jobId, signal) }),
})

const evidenceOf = (id: string): Read<typeof VerificationView> => ({
  key: `verification ${id}`,
  what: 'the verification',
  schema: VerificationView,
  everyMs: pollMs,
  ask: (client, signal) => client.verification(id, signal),
})

interface StateWords {
  readonly words: string
  readonly tone: Tone
}

/** `unknown` is never good, and a failure is not a difference. */
function stateWords({ state, sagaState, failure }: VerificationView): StateWords {
  if (sagaState === 'running') return { words: '>  comparing', tone: 'accent' }
  if (sagaState === 'unwinding') return { words: '>  ending', tone: 'warn' }
  if (sagaState === 'needs-operator') return { words: '!! needs operator', tone: 'bad' }
  if (failure !== null) return { words: `!! ${failure.code}`, tone: 'bad' }
  switch (state) {
    case 'identical':
      return { words: 'ok identical', tone: 'good' }
    case 'different':
      return { words: '!! different', tone: 'bad' }
    case 'unknown':
    case null:
      return { words: '?  unknown', tone: 'warn' }
  }
}

const tookWords = ({ startedAt, endedAt }: VerificationView, nowMs: number): string =>
  durationWords(((endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000)

/** The object schema of the two ways to ask. */
const [wanted] = StartVerification.anyOf

function startForm(jobId: string, name: string): FormPage {
  return {
    title: `Verify ${name}`,
    values: {},
    back: null,
    spec: {
      notes: [
        'Both sides are read and hashed as far as the source did not change since the recovery point. Nothing is written.',
      ],
      fields: [
        choiceField('algorithm', 'Hash', [
          { value: 'xxh3-128', label: 'xxh3-128, fast' },
          { value: 'sha256', label: 'sha256, where evidence has to be cryptographic' },
        ]),
        textField({
          id: 'bytesPerSecond',
          label: 'Limit a side, MiB/s',
          schema: wanted.properties.bytesPerSecond,
          optional: true,
          allowed: 'a whole number of MiB a second, or empty',
          parse: mebibytes,
        }),
      ],
      problems: () => ({}),
      submit: 'Start',
    },
    submit: values => ({
      kind: 'task',
      task: {
        what: `Verification of ${name}`,
        run: async client => {
          const limit = values['bytesPerSecond'] ?? ''
          await client.startVerification(jobId, {
            algorithm: values['algorithm'] === 'sha256' ? 'sha256' : 'xxh3-128',
            ...(limit === '' ? {} : { bytesPerSecond: mebibytes(limit) }),
          })
          return { kind: 'done', text: `A verification of ${name} was started.` }
        },
      },
    }),
  }
}

const mebibytes = (text: string): string => (/^\d{1,9}$/.test(text) ? String(BigInt(text) * 1048576n) : text)

function cancel(id: string, name: string): Next {
  return {
    kind: 'question',
    question: {
      title: 'Cancel the verification?',
      body: [fact('VM', name), paragraph([span('What was compared until now counts for nothing.')])],
      keep: 'Let it run',
      button: 'Cancel it',
      typedWord: 'CANCEL',
      task: {
        what: 'Cancelling the verification',
        run: async client => {
          await client.cancelVerification(id)
          return { kind: 'done', text: 'The verification is being cancelled.' }
        },
      },
    },
  }
}

const verifications: Page = {
  name: 'verifications',
  title: 'Verifications',
  section: 'jobs',
  about:
    'Comparisons of the volumes of one job with their source, newest first. "unknown" says that nobody can tell what changed since the recovery point: it is never "identical".',
  reads: ({ id }) => [listOf(id)],
  head: () => [],
  table: {
    columns: [
      column('Result', 22, { grow: 1 }),
      column('Started (UTC)', 19),
      column('Took', 8, { align: 'right' }),
      column('By', 8),
      column('Hash', 8),
    ],
    rows: ({ read, params, nowMs }) =>
      (read(listOf(params.id)).value?.items ?? []).map(item => {
        const { words, tone } = stateWords(item)
        return {
          id: item.id,
          text: `${words} ${item.trigger} ${item.algorithm}`,
          fields: { state: words, by: item.trigger },
          cells: () => [
            textCell(words, tone),
            textCell(instantWords(item.startedAt)),
            textCell(tookWords(item, nowMs)),
            textCell(item.trigger),
            textCell(item.algorithm),
          ],
        }
      }),
    empty: ({ read, params }) =>
      read(listOf(params.id)).value === null
        ? 'Reading the verifications ...'
        : 'Nothing was verified yet. s starts a verification.',
    filterFields: ['state', 'by'],
    canMark: false,
    orderedBy: null,
  },
  foot: ({ read, params }, row) => {
    const chosen = read(listOf(params.id)).value?.items.find(item => item.id === row?.id)
    if (chosen === undefined) return []
    const { failure } = chosen
    return [
      { kind: 'rule', title: 'Selected' },
      fact('Point', `source as of ${instantWords(chosen.recoveryPointAt)} UTC`),
      failure === null
        ? fact('Disks', `${chosen.disks.length}; Enter shows the evidence of each`)
        : paragraph([span(`${failure.code}: ${failure.message} `, 'bad'), span(`Next: ${failure.next}`)], 3),
    ]
  },
  actions: [
    {
      key: 'enter',
      label: 'Evidence',
      help: 'show what was found on each disk',
      isOffered: (_context, row) => row !== null,
      run: ({ params }, row) =>
        row === null
          ? { kind: 'refused', why: 'There is no verification to open.' }
          : { kind: 'open', page: 'verification', params: { id: row.id, name: params.name } },
    },
    {
      key: 's',
      label: 'Start',
      help: 'compare the volumes with their source now',
      isOffered: () => true,
      run: ({ params }) => ({ kind: 'form', form: startForm(params.id, params.name) }),
    },
    {
      key: 'c',
      label: 'Cancel',
      help: 'cancel the selected verification (wants a word typed)',
      isOffered: ({ read, params }, row) =>
        read(listOf(params.id)).value?.items.find(item => item.id === row?.id)?.endedAt === null,
      run: ({ read, params }, row) => {
        const item = read(listOf(params.id)).value?.items.find(each => each.id === row?.id)
        return item?.endedAt === null
          ? cancel(item.id, params.name)
          : { kind: 'refused', why: 'This verification has ended.' }
      },
    },
  ],
}

const evidence: Page = {
  name: 'verification',
  title: 'Evidence',
  section: 'jobs',
  about:
    'What a verification found on each disk. "Left out" changed since the recovery point, so that a difference there says nothing.',
  reads: ({ id }) => [evidenceOf(id)],
  head: ({ read, params, nowMs }) => {
    const found = read(evidenceOf(params.id)).value
    return found === null ? [line(span('Reading the evidence ...', 'dim'))] : evidenceFacts(found, nowMs)
  },
  table: {
    columns: [
      column('Disk', 14, { grow: 1 }),
      column('Result', 12),
      column('Compared', 10, { align: 'right' }),
      column('Left out', 10, { align: 'right' }),
      column('Differ', 14, { align: 'right' }),
    ],
    rows: ({ read, params }) =>
      (read(evidenceOf(params.id)).value?.disks ?? []).map(disk => ({
        id: disk.diskKey,
        text: disk.label,
        fields: {},
        cells: () => [
          textCell(disk.label),
          textCell(
            disk.state ?? 'not yet',
            disk.state === 'identical' ? 'good' : disk.state === 'different' ? 'bad' : 'warn',
          ),
          textCell(sizeWords(disk.comparedBytes)),
          textCell(sizeWords(disk.leftOutBytes)),
          textCell(disk.blocks === null ? '' : `${disk.differingBlocks ?? 0} of ${disk.blocks}`),
        ],
      })),
    empty: () => 'No disk was looked at yet.',
    filterFields: [],
    canMark: false,
    orderedBy: null,
  },
  foot: ({ read, params }, row) => {
    const disk = read(evidenceOf(params.id)).value?.disks.find(each => each.diskKey === row?.id)
    if (disk === undefined) return []
    return [
      { kind: 'rule', title: disk.label },
      fact('Between', `${disk.fromBytes} and ${disk.untilBytes} bytes of the disk`),
      ...(disk.firstDifference === null ? [] : [fact('First at', `${disk.firstDifference} bytes`)]),
      ...(disk.why === null ? [] : [paragraph([span('Why       ', 'dim'), span(disk.why, 'warn')], 10)]),
    ]
  },
  actions: [],
}

const sizeWords = (bytes: string | null): string => (bytes === null ? '' : bytesWords(BigInt(bytes)))

function evidenceFacts(found: VerificationView, nowMs: number): readonly Block[] {
  const { words, tone } = stateWords(found)
  const ended = found.endedAt === null ? '' : `, ended ${ageWords(found.endedAt, nowMs)} ago`
  return [
    line(
      span('Result'.padEnd(10), 'dim'),
      span(words, tone),
      span(`   took ${tookWords(found, nowMs)}${ended}`),
    ),
    fact('Point', `source as of ${instantWords(found.recoveryPointAt)} UTC`),
    fact('Hash', `${found.algorithm}, blocks of ${bytesWords(BigInt(found.blockBytes))}`),
  ]
}

const paramsOf = ({ job }: Shown): PageParams | null =>
  job === null ? null : { id: job.id, name: job.vmName }

export const verificationFeature: Feature = {
  pages: [verifications, evidence],
  links: [
    {
      from: ['vm', 'job'],
      key: 'v',
      label: 'Verify',
      help: 'verifications of the volumes against their source',
      isOffered: shown => paramsOf(shown) !== null,
      run: shown => {
        const params = paramsOf(shown)
        return params === null
          ? { kind: 'refused', why: 'This VM has no replication job: there is nothing to verify.' }
          : { kind: 'open', page: 'verifications', params }
      },
    },
  ],
}
