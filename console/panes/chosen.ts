import type { JobView, PassView } from '../../agent/api/schemas.js'
import type { StateWords } from '../lists.js'
import { paragraph, span, type Block, type Span } from '../view.js'
import { bytesWords, durationWords, instantWords, percentWords, syncWords } from '../words.js'
import { failureSpans, knownFailure } from './alarms.js'
import { etaWords, movedWords, passFraction, passSeconds, passWords, rateWords } from './progress.js'

/** What there is to say of the selected line; always as high, so that the list does not jump. */
const chosenRows = 3

export function chosenBlocks(
  name: string,
  job: JobView | null,
  words: StateWords,
  nowMs: number,
): readonly Block[] {
  return [{ kind: 'rule', title: name }, paragraph(chosenSpans(job, words, nowMs), 3, chosenRows, chosenRows)]
}

function chosenSpans(job: JobView | null, words: StateWords, nowMs: number): readonly Span[] {
  if (job === null) {
    return [
      span(
        words.words === 'unknown'
          ? 'Its job has not been read.'
          : 'Not replicated: there is nothing to fail over to.',
      ),
    ]
  }
  const { currentPass, lastPass } = job
  if (currentPass !== null) return [span(`Pass ${currentPass.number}: `), ...runningSpans(currentPass)]
  if (lastPass === null) return [span('No pass has run yet: there is nothing to fail over to.')]
  if (lastPass.failure !== null)
    return failureSpans(knownFailure(lastPass.failure), `Pass ${lastPass.number}: `)
  const point = job.recoveryPointAt === null ? 'none' : `${instantWords(job.recoveryPointAt)} UTC`
  return [
    span(`Recovery point ${point}. Pass ${lastPass.number}: ${syncWords(lastPass.syncType)}, `),
    span(`${bytesWords(BigInt(lastPass.movedBytes))} in ${durationWords(passSeconds(lastPass, nowMs))}.`),
  ]
}

const runningSpans = (pass: PassView): readonly Span[] => [
  span(`${passWords(pass).words.replace('> ', '')}, ${syncWords(pass.syncType)}, `),
  span(`${percentWords(passFraction(pass))}, ${movedWords(pass.movedBytes, pass.plannedBytes)}, `),
  span(`${rateWords(pass.rateBytesPerSec)}, ${etaWords(pass.etaSeconds)}`),
]
