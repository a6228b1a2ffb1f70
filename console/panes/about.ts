import { licences } from '../licences.js'
import type { State } from '../state.js'
import { selectedIndex } from '../table.js'
import { column, lazyRows, line, paragraph, span, textCell, type Block } from '../view.js'

/** Section 5: what this is, and under which licences. */
export function aboutBody(state: State): readonly Block[] {
  const version = state.data.status.value?.version
  return [
    line(span('OSSEA-Migrate', 'strong'), span(version === undefined ? '' : ` ${version}`)),
    paragraph([
      span(
        'Replicates VMware VMs to CloudStack and keeps them ready for failover. Apache License 2.0; it comes without any warranty.',
      ),
    ]),
    { kind: 'gap' },
    {
      kind: 'table',
      columns: [column('Made with', 30), column('Licence', 13), column('Used for', 20, { grow: 1 })],
      rows: lazyRows(licences, row => ({
        id: row.name,
        cells: [textCell(row.name), textCell(row.licence), textCell(row.use)],
      })),
      selected: selectedIndex(
        licences.map(row => row.name),
        state.tables.about,
      ),
      focused: true,
      marked: true,
      empty: '',
      maxRows: null,
      sort: null,
    },
  ]
}
