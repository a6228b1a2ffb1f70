import { codePoints } from '../clean-text.js'
import { bindingsFor, isOffered, keyContext, keyLabel } from '../keymap.js'
import { agentNowMs, type Section, type State } from '../state.js'
import { span, type Block, type KeyHint, type Span, type View } from '../view.js'
import { clockWords } from '../words.js'
import { alarmBlocks, healthWords } from './alarms.js'
import { dialogView } from './dialog.js'
import { aboutBody } from './about.js'
import { helpBody } from './help.js'
import { homeBody } from './home.js'
import { jobBody } from './job.js'
import { messagesBody } from './messages.js'
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
    body: state.overlay?.kind === 'help' ? helpBody(state) : [...alarmBlocks(state), ...screenBody(state)],
    message: messageSpans(state),
    keys: keyHints(state),
    dialog: dialogView(state),
  }
}

/** The section a screen was reached from. */
function sectionOf(state: State): Section {
  const screen = state.screen.kind === 'job' ? state.screen.from : state.screen
  if (screen.kind === 'job') return 'jobs'
  return screen.kind === 'vm' ? 'vms' : screen.kind
}

const sections: readonly { readonly name: Section; readonly label: string }[] = [
  { name: 'home', label: '1 Home' },
  { name: 'vms', label: '2 VMs' },
  { name: 'jobs', label: '3 Jobs' },
  { name: 'messages', label: '4 Messages' },
  { name: 'about', label: '5 About' },
]

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
          },
        ],
  )
  return [...bound, ...draw]
}
