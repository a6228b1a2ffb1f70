import { hostSettingsOf } from './steps/network.js'
import { stepsFor } from './steps/list.js'
import { formBlocks, formKeys } from '../console/form.js'
import {
  column,
  lazyRows,
  line,
  paragraph,
  span,
  textCell,
  type Block,
  type KeyHint,
  type Tone,
  type View,
} from '../console/view.js'
import type { CheckResult } from './preflight/check.js'
import { keepWord, specAt, stepAt, type WizardState } from './wizard.js'

/** A screen of the wizard, in the same terms as the console's. */
export function wizardView(state: WizardState): View {
  const step = stepAt(state)
  const count = stepsFor(state.answers).length + 1
  return {
    identity: { left: [span('OSSEA-Migrate', 'strong'), span('  First setup')], right: [] },
    sections: [
      { label: `Step ${state.place + 1} of ${count}: ${step?.title ?? 'Check and finish'}`, active: true },
    ],
    body: body(state),
    message: state.message === '' ? [] : [span(state.message, 'warn')],
    keys: keys(state),
    dialog: null,
    question: null,
  }
}

const key = (name: string, label: string): KeyHint => ({ key: name, letter: null, label })

function keys(state: WizardState): readonly KeyHint[] {
  switch (state.phase.kind) {
    case 'asking':
      return formKeys
    case 'keep':
      return [key('Enter', 'Keep, once the word is typed'), key('Esc', 'Undo now')]
    case 'done':
      return [key('Enter', 'Leave')]
    case 'working':
      return []
  }
}

function body(state: WizardState): readonly Block[] {
  switch (state.phase.kind) {
    case 'keep': {
      const { secondsLeft, line: typed } = state.phase
      return [
        { kind: 'rule', title: 'Keep the new network settings?' },
        ...networkLines(state),
        { kind: 'gap' },
        {
          kind: 'meter',
          fraction: Math.min(1, secondsLeft / 120),
          text: `They go back in ${secondsLeft} s`,
          tone: 'warn',
        },
        paragraph([
          span(
            'The timer runs in the network helper: it goes on when this console ends or the appliance restarts.',
          ),
        ]),
        { kind: 'gap' },
        {
          kind: 'field',
          label: `Type ${keepWord} to keep them`,
          entry: { kind: 'text', text: typed.text, cursor: typed.cursor, width: 10 },
          focused: true,
          problem: null,
        },
      ]
    }
    case 'done':
      return [{ kind: 'gap' }, line(span('ok ', 'good'), span('This appliance is set up.', 'strong'))]
    case 'working':
    case 'asking':
      return [
        ...(stepAt(state) === null ? summaryBlocks(state) : []),
        ...formBlocks(specAt(state), state.form),
      ]
  }
}

function networkLines(state: WizardState): readonly Block[] {
  const settings = hostSettingsOf(state.answers)
  const words = (part: typeof settings.ipv4 | typeof settings.ipv6): string =>
    part.method === 'static'
      ? `${part.address}${part.gateway === null ? '' : ` via ${part.gateway}`}`
      : part.method
  const tag = settings.vlan === null ? 'untagged' : `VLAN ${settings.vlan}`
  return [
    line(span('Name      ', 'dim'), span(settings.hostName)),
    line(span('Interface ', 'dim'), span(`${settings.interface}, ${tag}`)),
    line(span('IPv4      ', 'dim'), span(words(settings.ipv4))),
    line(span('IPv6      ', 'dim'), span(words(settings.ipv6))),
    line(
      span('DNS, time ', 'dim'),
      span(`${settings.dns.join(' ') || 'none'}; ${settings.ntp.join(' ') || 'none'}`),
    ),
  ]
}

const outcomes: Readonly<Record<CheckResult['outcome'], readonly [mark: string, tone: Tone]>> = {
  ok: ['ok', 'good'],
  problem: ['!!', 'bad'],
  unknown: ['?', 'warn'],
}

function summaryBlocks(state: WizardState): readonly Block[] {
  const checks = state.checks ?? []
  return [
    { kind: 'rule', title: 'This will be set' },
    line(span('Role      ', 'dim'), span((state.answers['role.role'] ?? 'oma').toUpperCase())),
    ...networkLines(state),
    { kind: 'rule', title: 'Checks; a problem does not keep you from going on' },
    {
      kind: 'table',
      columns: [column('', 2), column('Check', 28, { grow: 1 }), column('Found', 30, { grow: 1 })],
      rows: lazyRows(checks, check => {
        const [mark, tone] = outcomes[check.outcome]
        const found = check.outcome === 'unknown' ? `could not be checked: ${check.found}` : check.found
        return { id: check.title, cells: [textCell(mark, tone), textCell(check.title), textCell(found)] }
      }),
      selected: -1,
      focused: false,
      marked: false,
      empty: 'Checking ...',
      maxRows: 10,
      sort: null,
    },
  ]
}
