import { codePoints } from '../clean-text.js'
import { bindingsFor, isOffered, keyContext, keyLabel, type Command } from '../keymap.js'
import { formKeys } from '../form.js'
import { pageKeys, shownPage } from '../page-lookup.js'
import { sections, type Section } from '../sections.js'
import { agentNowMs, type State } from '../state.js'
import { questionFor } from '../plain/question.js'
import { span, type Block, type KeyHint, type Span, type View } from '../view.js'
import { clockWords } from '../words.js'
import { alarmBlocks, healthWords } from './alarms.js'
import { dialogView } from './dialog.js'
import { aboutBody } from './about.js'
import { helpBody } from './help.js'
import { homeBody } from './home.js'
import { jobBody } from './job.js'
import { messagesBody } from './messages.js'
import { formBody, pageBody } from './page.js'
import { vmBody } from './vm.js'
import { jobsBody, vmsBody } from './vms.js'

/** The whole screen for a state: identity, sections, body, message, keys. Pure. */
export function frameView(state: State): View {
  const health = healthWords(state)
  const version = state.data.status.value?.version
  const section = sectionOf(state)
  return {
    identity: {
      left: [
        span(`OSSEA-Migrate${version === undefined ? '' : ` ${version}`}`, 'strong'),
        span(`  ${state.hostName}`),
      ],
      right: [span(health.text, health.tone), span(`  ${clockWords(agentNowMs(state))} UTC`)],
    },
    sections: sections.map(({ name, label }) => ({ label, active: section === name })),
    body: bodyOf(state),
    message: messageSpans(state),
    keys: keyHints(state),
    dialog: dialogView(state),
    question: state.overlay?.kind === 'form' ? questionFor(state.overlay) : null,
  }
}

/** The section a screen was reached from. */
function sectionOf(state: State): Section {
  const screen = state.screen.kind === 'job' ? state.screen.from : state.screen
  switch (screen.kind) {
    case 'job':
      return 'jobs'
    case 'vm':
      return 'vms'
    case 'page':
      return shownPage(state)?.section ?? 'home'
    default:
      return screen.kind
  }
}

function bodyOf(state: State): readonly Block[] {
  switch (state.overlay?.kind) {
    case 'help':
      return helpBody(state)
    case 'form':
      return formBody(state.overlay)
    default:
      return [...alarmBlocks(state), ...screenBody(state)]
  }
}

function screenBody(state: State): readonly Block[] {
  switch (state.screen.kind) {
    case 'home':
      return homeBody(state)
    case 'messages':
      return messagesBody(state)
    case 'about':
      return aboutBody(state)
    case 'vms':
      return vmsBody(state)
    case 'jobs':
      return jobsBody(state)
    case 'page':
      return pageBody(state, state.screen)
    case 'vm':
      return vmBody(state, state.screen.vmId)
    case 'job':
      return jobBody(state, state.screen)
  }
}

function messageSpans(state: State): readonly Span[] {
  if (state.overlay?.kind === 'filter')
    return [span('-- typing --', 'strong'), span('  words, state:failed, power:on, !word')]
  if (state.deed !== null) return [span('Asking the agent ...', 'accent')]
  return state.message === null ? [] : [span(state.message.text, state.message.tone)]
}

const general: ReadonlySet<Command> = new Set(['back', 'refresh', 'help', 'quit'])

/** Each key of the context that has a label, in the order of the key map. */
function keyHints(state: State): readonly KeyHint[] {
  const draw: readonly KeyHint[] =
    state.tier === 'plain' && state.tiersOffered.length > 1 ? [{ key: 'T', letter: 'T', label: 'Draw' }] : []
  const bound = bindingsFor(keyContext(state)).flatMap(binding =>
    binding.label === null || !isOffered(state, binding.command)
      ? []
      : [
          {
            key: keyLabel(binding.keys[0] ?? ''),
            letter: binding.keys.find(key => codePoints(key).length === 1) ?? null,
            label: binding.label,
            stays: binding.command === 'help',
            general: general.has(binding.command),
          },
        ],
  )
  if (state.overlay?.kind === 'form') return formKeys
  const ofPage = state.overlay === null ? pageHints(state) : []
  // What differs from screen to screen comes first: it is what has to be found.
  const own = bound.filter(hint => !hint.general)
  const rest = bound.filter(hint => hint.general)
  return state.screen.kind === 'page'
    ? [...ofPage, ...own, ...rest, ...draw]
    : [...own, ...ofPage, ...rest, ...draw]
}

const pageHints = (state: State): readonly KeyHint[] =>
  pageKeys(state).flatMap(({ key, label, isOffered: offered }) =>
    label === null || !offered
      ? []
      : [{ key: keyLabel(key), letter: codePoints(key).length === 1 ? key : null, label }],
  )
