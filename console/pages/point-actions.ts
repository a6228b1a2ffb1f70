import { PointPolicyView, type PointView } from '../../agent/api/points.js'
import type { JobView } from '../../agent/api/schemas.js'
import { choiceField, textField } from '../form-schema.js'
import type { Values } from '../form.js'
import type { FormPage, Next, Task } from '../page.js'
import { paragraph, span } from '../view.js'
import { ageWords, bytesWords, instantWords } from '../words.js'
import { bytesOf, exactBytes, exactSeconds, secondsOf } from './amounts.js'
import { fact } from './facts.js'
import { typedName } from './typed-name.js'

const pointFact = (point: PointView, nowMs: number) =>
  fact('Point', `${instantWords(point.at)} UTC, ${ageWords(point.at, nowMs)} old`)

/** How much of what happened since has to be kept is asked before what is lost is confirmed. */
export const restoreForm = (point: PointView, nowMs: number): FormPage => ({
  title: `Restore ${point.vmName} to ${instantWords(point.at)} UTC`,
  values: { newerPoints: 'keep' },
  back: null,
  spec: {
    notes: [
      'The volumes are brought back to this point. What they hold now is saved as undo first, so that newer points stay, where there is room for it.',
    ],
    fields: [
      choiceField('newerPoints', 'Newer points', [
        { value: 'keep', label: 'keep: fail where there is no room for them' },
        { value: 'drop', label: 'drop: give them up where there is no room' },
      ]),
    ],
    problems: () => ({}),
    submit: 'Go on',
  },
  submit: values => restoreQuestion(point, nowMs, values['newerPoints'] === 'drop' ? 'drop' : 'keep'),
})

const restoreQuestion = (point: PointView, nowMs: number, newerPoints: 'keep' | 'drop'): Next => ({
  kind: 'question',
  question: {
    title: 'Restore the volumes to this point?',
    body: [
      fact('VM', point.vmName),
      pointFact(point, nowMs),
      fact('Disks', String(point.disks.length)),
      fact(
        'Newer',
        newerPoints === 'keep' ? 'kept, or the restore fails' : 'given up where there is no room',
      ),
      paragraph(
        [
          span('Every volume of the replica is overwritten. '),
          span('The next pass compares all of it with the source, and takes as long as a full one.'),
        ],
        0,
        4,
      ),
    ],
    keep: 'Leave it',
    button: 'Restore',
    typedWord: typedName(point.vmName, 'RESTORE'),
    task: {
      what: `Restore of ${point.vmName}`,
      run: async client => {
        const { id } = await client.points.restoreTo(point.id, newerPoints)
        return {
          kind: 'open',
          page: 'restore',
          params: { id, name: point.vmName },
          text: `The restore of ${point.vmName} was started.`,
        }
      },
    },
  },
})

export const goBackQuestion = (job: JobView): Next => ({
  kind: 'question',
  question: {
    title: 'Go back to the last committed point?',
    body: [
      fact('VM', job.vmName),
      fact(
        'Point',
        job.recoveryPointAt === null ? 'none was committed' : `${instantWords(job.recoveryPointAt)} UTC`,
      ),
      fact('Pass', job.currentPass === null ? 'none runs' : `#${job.currentPass.number} runs`),
      paragraph(
        [
          span(
            'A pass that is not committed ends and what it moved is dropped; one that is committed is finished. The volumes then are the last committed point. Schedules go on: x on the job stops them.',
          ),
        ],
        0,
        5,
      ),
    ],
    keep: 'Leave it',
    button: 'Go back',
    typedWord: typedName(job.vmName, 'BACK'),
    task: {
      what: `Going back of ${job.vmName}`,
      run: async client => {
        const { replica } = await client.goBack(job.id)
        const words = replica.state === 'at-point' ? 'are' : 'are being made'
        return {
          kind: 'done',
          text:
            replica.state === 'no-point' || replica.state === 'none'
              ? `${job.vmName} has no recovery point: ${replica.why ?? 'nothing was committed yet'}`
              : `The volumes of ${job.vmName} ${words} the last committed point.`,
        }
      },
    },
  },
})

export const deleteQuestion = (point: PointView, nowMs: number): Next => ({
  kind: 'question',
  question: {
    title: 'Delete the recovery point?',
    body: [
      fact('VM', point.vmName),
      pointFact(point, nowMs),
      paragraph([span('Nobody can go back to it any more. Newer and older points stay.')]),
    ],
    keep: 'Keep it',
    button: 'Delete',
    typedWord: 'DELETE',
    task: {
      what: 'Deleting the recovery point',
      run: async client => {
        await client.points.remove(point.id)
        return { kind: 'done', text: `The point of ${instantWords(point.at)} UTC was deleted.` }
      },
    },
  },
})

const pinTask = (point: PointView, pinned: boolean): Task => ({
  what: pinned ? 'Pinning the recovery point' : 'Taking the pin away',
  run: async client => {
    await client.points.pin(point.id, pinned)
    const words = pinned ? 'is kept whatever the policy says' : 'is kept as the policy says'
    return { kind: 'done', text: `The point of ${instantWords(point.at)} UTC ${words}.` }
  },
})

/** Without its pin a point may go at once. */
export const pinNext = (point: PointView, nowMs: number): Next =>
  point.pinned
    ? {
        kind: 'question',
        question: {
          title: 'Take the pin away?',
          body: [
            fact('VM', point.vmName),
            pointFact(point, nowMs),
            paragraph([
              span('Then it goes as soon as there are more points, or older ones, than the policy allows.'),
            ]),
          ],
          keep: 'Leave it',
          button: 'Take it away',
          typedWord: 'UNPIN',
          task: pinTask(point, false),
        },
      }
    : { kind: 'task', task: pinTask(point, true) }

const policyValues = (policy: PointPolicyView): Values => ({
  maxPoints: String(policy.maxPoints),
  maxAge: policy.maxAgeSeconds === null ? '' : exactSeconds(policy.maxAgeSeconds),
  cap: exactBytes(policy.capBytes),
})

export const policyForm = (jobId: string, vmName: string, now: PointPolicyView): FormPage => ({
  title: `Which points of ${vmName} are kept`,
  values: policyValues(now),
  back: null,
  spec: {
    notes: [
      'The oldest point goes first. A pinned one stays until its undo has no room. Holds at the next look.',
    ],
    fields: [
      textField({
        id: 'maxPoints',
        label: 'Usable points',
        schema: PointPolicyView.properties.maxPoints,
        allowed: 'a whole number from 1 to 64; 1 keeps no undo',
        parse: text => (/^\d{1,3}$/.test(text) ? Number(text) : text),
      }),
      textField({
        id: 'maxAge',
        label: 'At most as old as',
        schema: PointPolicyView.properties.maxAgeSeconds,
        optional: true,
        allowed: 'a time such as 90m, 36h or 7d, or empty for no limit',
        parse: text => secondsOf(text) ?? text,
      }),
      textField({
        id: 'cap',
        label: 'Undo at most',
        schema: PointPolicyView.properties.capBytes,
        allowed: 'a size such as 20 GiB',
        parse: text => bytesOf(text) ?? text,
      }),
    ],
    problems: () => ({}),
    submit: 'Save',
  },
  submit: values => policyNext(jobId, vmName, now, values),
})

function policyNext(jobId: string, vmName: string, now: PointPolicyView, values: Values): Next {
  const age = values['maxAge'] ?? ''
  const wanted: PointPolicyView = {
    maxPoints: Number(values['maxPoints']),
    maxAgeSeconds: age === '' ? null : secondsOf(age),
    capBytes: bytesOf(values['cap'] ?? '') ?? now.capBytes,
  }
  const task: Task = {
    what: `Changing which points of ${vmName} are kept`,
    run: async client => {
      await client.points.changePolicy(jobId, wanted)
      return { kind: 'done', text: `Which points of ${vmName} are kept was changed.` }
    },
  }
  if (!keepsLess(now, wanted)) return { kind: 'task', task }
  return {
    kind: 'question',
    question: {
      title: 'Keep less than now?',
      body: [
        fact('VM', vmName),
        fact('Points', `${now.maxPoints} now, then ${wanted.maxPoints}`),
        fact('Age', `${ageLimit(now)} now, then ${ageLimit(wanted)}`),
        fact('Undo', `${bytesWords(BigInt(now.capBytes))} now, then ${bytesWords(BigInt(wanted.capBytes))}`),
        paragraph([span('Points beyond the new limits are let go; nobody can go back to them any more.')]),
      ],
      keep: 'Leave it',
      button: 'Keep less',
      typedWord: 'LESS',
      task,
    },
  }
}

const ageLimit = ({ maxAgeSeconds }: PointPolicyView): string =>
  maxAgeSeconds === null ? 'no limit' : exactSeconds(maxAgeSeconds)

const keepsLess = (now: PointPolicyView, wanted: PointPolicyView): boolean =>
  wanted.maxPoints < now.maxPoints ||
  BigInt(wanted.capBytes) < BigInt(now.capBytes) ||
  (wanted.maxAgeSeconds !== null && wanted.maxAgeSeconds < (now.maxAgeSeconds ?? Infinity))
