import { QuiescePolicy, type JobView } from '../../agent/api/schemas.js'
import { choiceField } from '../form-schema.js'
import type { Feature, FormPage, Next, PageLink } from '../page.js'
import { paragraph, span } from '../view.js'
import { instantWords } from '../words.js'
import { fact } from './facts.js'

const noJob: Next = { kind: 'refused', why: 'There is no replication job.' }

const quiesceWords: Readonly<Record<QuiescePolicy, string>> = {
  required: 'required: a pass fails when the guest cannot',
  preferred: 'preferred: goes on without, and notes it',
  off: 'off: disks as a power cut would leave them',
}

const quiesceForm = (job: JobView): FormPage => ({
  title: `Quiescing of ${job.vmName}`,
  values: { quiesce: 'preferred' },
  back: null,
  spec: {
    notes: [
      'Whether the guest is asked to bring its file systems in order before a snapshot. Holds from the next one on.',
    ],
    fields: [
      choiceField(
        'quiesce',
        'Quiesce',
        QuiescePolicy.anyOf.map(each => ({ value: each.const, label: quiesceWords[each.const] })),
      ),
    ],
    problems: () => ({}),
    submit: 'Save',
  },
  submit: values => ({
    kind: 'task',
    task: {
      what: `Changing the job of ${job.vmName}`,
      run: async client => {
        const chosen = QuiescePolicy.anyOf.find(each => each.const === values['quiesce'])
        const { quiesce } = await client.changeJob(job.id, { quiesce: chosen?.const ?? 'preferred' })
        return { kind: 'done', text: `Quiescing of ${job.vmName} is ${quiesce} from the next snapshot on.` }
      },
    },
  }),
})

const deleteQuestion = (job: JobView): Next => ({
  kind: 'question',
  question: {
    title: 'Delete the replication job?',
    body: [
      fact('VM', job.vmName),
      fact('Job', job.id),
      fact('Point', job.recoveryPointAt === null ? 'none' : `${instantWords(job.recoveryPointAt)} UTC`),
      { kind: 'gap' },
      paragraph(
        [
          span(
            'The job, its passes and its change IDs go; a later job copies everything anew. The volumes stay in CloudStack and are named when it is done.',
          ),
        ],
        0,
        5,
      ),
    ],
    keep: 'Keep it',
    button: 'Delete the job',
    typedWord: 'DELETE',
    task: {
      what: `Deleting the job of ${job.vmName}`,
      run: async client => {
        const { volumes } = await client.deleteJob(job.id)
        const left = volumes.map(volume => volume.volumeId).join(', ')
        return {
          kind: 'gone',
          text: `The job of ${job.vmName} was deleted. ${left === '' ? 'It had no volumes.' : `Its volumes stay: ${left}`}`,
        }
      },
    },
  },
})

const finalQuestion = (job: JobView): Next => ({
  kind: 'question',
  question: {
    title: 'Start the final pass?',
    body: [
      fact('VM', job.vmName),
      paragraph([
        span(
          'Reads a VM that is off, without a snapshot; it fails when the VM is not off, or does not stay off.',
        ),
      ]),
    ],
    keep: 'Cancel',
    button: 'Start',
    typedWord: null,
    task: {
      what: `The final pass of ${job.vmName}`,
      run: async client => {
        await client.startPass(job.id, 'final')
        return { kind: 'done', text: `The final pass of ${job.vmName} was started.` }
      },
    },
  },
})

const mayStart = (job: JobView | null): boolean =>
  job?.currentPass === null && job.pausedAt === null && job.stoppedAt === null

const links: readonly PageLink[] = [
  {
    from: ['vm', 'job'],
    key: 'F',
    label: null,
    help: 'start a final pass: the VM is off and stays off (asks first)',
    isOffered: ({ job }) => mayStart(job),
    run: ({ job }) => (job === null ? noJob : finalQuestion(job)),
  },
  {
    from: ['vm', 'job'],
    key: 'Q',
    label: null,
    help: 'say whether the guest is quiesced before a snapshot',
    isOffered: ({ job }) => job !== null,
    run: ({ job }) => (job === null ? noJob : { kind: 'form', form: quiesceForm(job) }),
  },
  {
    from: ['vm', 'job'],
    key: 'D',
    label: 'Delete job',
    help: 'delete a stopped job; its volumes stay (wants a word typed)',
    isOffered: ({ job }) => job !== null && job.stoppedAt !== null && job.currentPass === null,
    run: ({ job }) => {
      if (job === null) return noJob
      if (job.stoppedAt === null)
        return { kind: 'refused', why: 'Only a stopped job can be deleted: x stops it.' }
      if (job.currentPass !== null) return { kind: 'refused', why: 'Its last pass has not ended yet.' }
      return deleteQuestion(job)
    },
  },
]

export const jobSettingsFeature: Feature = { pages: [], links }
