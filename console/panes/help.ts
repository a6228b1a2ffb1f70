import { bindingsFor, keyLabel } from '../keymap.js'
import { helpIds } from '../lists.js'
import { pageKeys, shownPage } from '../page-lookup.js'
import type { Screen, State } from '../state.js'
import { selectedIndex } from '../table.js'
import { column, lazyRows, paragraph, span, textCell, type Block } from '../view.js'

const about: Readonly<Record<Exclude<Screen['kind'], 'page'>, string>> = {
  home: 'The whole in one look: where this appliance is reached, what it can reach, what is replicated, and what somebody has to look at. "Oldest point" is the worst you would lose now.',
  messages:
    'What this console said since it was started, newest first. It is gone when the console is left; the log of the agent stays.',
  about: 'What this program is made of, and under which licences.',
  vms: 'All VMs of the source site. "Point age" is how old the newest recovery point is: what a failover would give you now. "none" means there is none.',
  jobs: 'All replication jobs. A job keeps one VM copied; each run of it is a pass.',
  vm: 'One VM, its replication job and its disks. Progress counts the bytes that have to move, not the size of the disks.',
  job: 'The passes of one job, newest first, and the steps of the selected pass.',
}

/** The help page of a screen: what it shows, and every key it knows, from the key map. */
export function helpBody(state: State): readonly Block[] {
  const screen = state.screen.kind
  const rows = [
    ...pageKeys(state).map(({ key, help }) => ({ keys: [key], help })),
    ...bindingsFor(screen).map(({ keys, help }) => ({ keys, help })),
  ]
  const ids = helpIds(state)
  const words = screen === 'page' ? (shownPage(state)?.about ?? '') : about[screen]
  return [
    { kind: 'rule', title: 'Help' },
    paragraph([span(words)], 0, 3),
    {
      kind: 'table',
      columns: [column('Keys', 13), column('What they do here', 30, { grow: 1 })],
      rows: lazyRows(rows, binding => ({
        id: binding.keys.join(' '),
        cells: [textCell(binding.keys.map(keyLabel).join(' '), 'accent'), textCell(binding.help)],
      })),
      selected: selectedIndex(ids, state.tables.help),
      focused: false,
      marked: true,
      empty: '',
      maxRows: null,
      sort: null,
    },
  ]
}
