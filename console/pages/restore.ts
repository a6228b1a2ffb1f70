import type { RestoreView } from '../../agent/api/points.js'
import type { Page } from '../page.js'
import { line, paragraph, span, type Block, type Span } from '../view.js'
import { bytesWords, durationWords, instantWords } from '../words.js'
import { fact } from './facts.js'
import { restoreOf } from './point-reads.js'

function stateSpan({ sagaState, failure, endedAt }: RestoreView): Span {
  switch (sagaState) {
    case 'running':
      return span('>  writing the volumes', 'accent')
    case 'unwinding':
      return span('>  taking it back', 'warn')
    case 'needs-operator':
      return span('!! needs operator', 'bad')
    case 'done':
      if (failure !== null) return span(`!! ${failure.code}`, 'bad')
      return endedAt === null ? span('?  unknown', 'warn') : span('ok restored', 'good')
  }
}

function restoreBlocks(found: RestoreView, nowMs: number): readonly Block[] {
  const { failure } = found
  const endMs = found.endedAt === null ? nowMs : Date.parse(found.endedAt)
  return [
    line(span('State     ', 'dim'), stateSpan(found)),
    fact(
      'Started',
      `${instantWords(found.startedAt)} UTC, ${found.endedAt === null ? 'for' : 'took'} ${durationWords((endMs - Date.parse(found.startedAt)) / 1000)}`,
    ),
    fact(
      'Written',
      found.writtenBytes === null ? 'not known before its end' : bytesWords(BigInt(found.writtenBytes)),
      found.writtenBytes === null ? 'dim' : 'plain',
    ),
    fact(
      'Newer',
      found.newerPoints === 'keep' ? 'are kept, or it fails' : 'are given up where there is no room',
    ),
    ...(failure === null
      ? []
      : [
          { kind: 'gap' } as const,
          paragraph([span(`${failure.code}: ${failure.message}`, 'bad')], 0, 4),
          paragraph([span('Next: ', 'strong'), span(failure.next)], 6, 4),
        ]),
    { kind: 'gap' },
    line(span('It goes on when this screen is left.', 'dim')),
  ]
}

export const restorePage: Page = {
  name: 'restore',
  title: 'Restore',
  section: 'vms',
  about:
    'One restore of the volumes of a VM to an older recovery point. Nothing replicates to them until it has ended.',
  reads: ({ id }) => [restoreOf(id)],
  head: ({ read, params, nowMs }) => {
    const found = read(restoreOf(params.id)).value
    return found === null ? [line(span('Reading the restore ...', 'dim'))] : restoreBlocks(found, nowMs)
  },
  table: null,
  foot: () => [],
  actions: [],
}
