import {
  agentNowMs,
  vmById,
  shownJob,
  type Deed,
  type Overlay,
  type State,
  type TypedWord,
} from '../state.js'
import { line, paragraph, span, type Block, type DialogView } from '../view.js'
import { bytesWords, durationWords } from '../words.js'
import { movedWords, passSeconds } from './progress.js'

const fact = (label: string, text: string): Block => line(span(label.padEnd(12), 'dim'), span(text))

/** The dialog of an overlay; null for overlays that are none. */
export function dialogView(state: State): DialogView | null {
  const { overlay } = state
  switch (overlay?.kind) {
    case 'confirm':
      return confirmView(state, overlay)
    case 'question':
      return questionView(overlay)
    case 'report':
      return { ...overlay, tone: 'accent', typedWord: null, buttons: [{ label: 'Close', focused: true }] }
    case 'failure':
      return failureView(overlay)
    case 'help':
    case 'filter':
    case 'form':
    case undefined:
      return null
  }
}

function confirmView(state: State, overlay: Extract<Overlay, { kind: 'confirm' }>): DialogView {
  const { title, body, keep, button } = question(state, overlay.deed)
  return {
    title,
    tone: 'accent',
    body: overlay.typed === null ? body : [...body, { kind: 'gap' }, ...typedField(overlay.typed)],
    typedWord: overlay.typed?.wanted ?? null,
    buttons: [
      { label: keep, focused: overlay.button === 0 },
      { label: button, focused: overlay.button === 1 },
    ],
  }
}

const questionView = ({
  question: { title, body, keep, button },
  button: chosen,
  typed,
}: Extract<Overlay, { kind: 'question' }>): DialogView => ({
  title,
  tone: 'accent',
  body: typed === null ? body : [...body, { kind: 'gap' }, ...typedField(typed)],
  typedWord: typed?.wanted ?? null,
  buttons: [
    { label: keep, focused: chosen === 0 },
    { label: button, focused: chosen === 1 },
  ],
})

/** A longer word and its field do not fit one line. */
const shortWord = 18

function typedField({ wanted, line: typed }: TypedWord): readonly Block[] {
  const asked = `Type ${wanted} to go on:`
  const isShort = wanted.length <= shortWord
  const entry = { kind: 'text', text: typed.text, cursor: typed.cursor, width: wanted.length + 4 } as const
  const field = { kind: 'field', label: isShort ? asked : '', entry, focused: true, problem: null } as const
  return isShort ? [field] : [line(span(asked, 'strong')), field]
}

/** What is asked before a deed, with the facts that matter to the answer. */
function question(
  state: State,
  deed: Deed,
): {
  readonly title: string
  readonly body: readonly Block[]
  readonly keep: string
  readonly button: string
} {
  switch (deed.kind) {
    case 'task':
      return { title: `${deed.task.what}?`, keep: 'Cancel', button: 'Go on', body: [] }
    case 'start-replication': {
      const vm = vmById(state, deed.vmId)
      return {
        title: 'Start replication?',
        keep: 'Cancel',
        button: 'Start',
        body: [
          fact('VM', deed.vmName),
          fact('Instance', deed.vmId),
          fact('Power', vm?.power ?? 'unknown'),
          fact(
            'Disks',
            vm === null ? 'unknown' : `${vm.diskCount}, ${bytesWords(BigInt(vm.capacityBytes))} in all`,
          ),
          { kind: 'gap' },
          paragraph([
            span(
              'Creates the replication job, makes one new volume per disk in CloudStack, then starts the first pass: a snapshot of the VM and a full copy of its allocated blocks. The VM keeps running.',
            ),
          ]),
        ],
      }
    }
    case 'hold-back':
      return {
        title: deed.isOn ? `Hold replication back?` : 'Let replication go on?',
        keep: 'Cancel',
        button: deed.isOn ? 'Hold back' : 'Go on',
        body: [fact('VM', deed.vmName)],
      }
    case 'start-pass':
      return { title: 'Start a pass?', keep: 'Cancel', button: 'Start', body: [fact('VM', deed.vmName)] }
    case 'cancel-pass': {
      const pass = shownJob(state)?.currentPass ?? null
      const facts =
        pass === null || pass.id !== deed.passId
          ? [paragraph([span('This pass has ended meanwhile.', 'warn')])]
          : [
              fact('Moved', movedWords(pass.movedBytes, pass.plannedBytes)),
              fact('Running', durationWords(passSeconds(pass, agentNowMs(state)))),
            ]
      return {
        title: `Cancel pass ${deed.number}?`,
        keep: 'Let it run',
        button: 'Cancel the pass',
        body: [
          fact('VM', deed.vmName),
          ...facts,
          { kind: 'gap' },
          paragraph([
            span(
              'The recovery point stays what it is. The snapshot of this pass is removed; the next pass moves again what this one did not commit.',
            ),
          ]),
        ],
      }
    }
  }
}

function failureView(overlay: Extract<Overlay, { kind: 'failure' }>): DialogView {
  const { failure, title } = overlay
  return {
    title,
    tone: 'bad',
    typedWord: null,
    body: [
      line(span(failure.code, 'bad')),
      paragraph([span(failure.sentence)]),
      ...(failure.message === '' ? [] : [paragraph([span(failure.message)], 0, 6)]),
      { kind: 'gap' },
      paragraph([span('Next: ', 'strong'), span(failure.next)], 6, 6),
    ],
    buttons: [{ label: 'Close', focused: true }],
  }
}
