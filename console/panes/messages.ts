import { messageRows } from '../lists.js'
import type { Message, State } from '../state.js'
import { selectedIndex } from '../table.js'
import { column, lazyRows, line, paragraph, span, textCell, type Block } from '../view.js'
import { clockWords } from '../words.js'

/** How much a message matters without colour. */
const markOf: Readonly<Record<Message['tone'], string>> = { plain: '', good: 'ok', warn: '!', bad: '!!' }

/** Section 4: what was said, newest first; the selected one in full. */
export function messagesBody(state: State): readonly Block[] {
  const rows = messageRows(state)
  const selected = selectedIndex(
    rows.map(row => row.id),
    state.tables.messages,
  )
  const chosen = rows[selected]
  return [
    line(span('Messages of this session, newest first', 'dim')),
    {
      kind: 'table',
      columns: [column('UTC', 8), column('', 2), column('Message', 30, { grow: 1 })],
      rows: lazyRows(rows, ({ id, message }) => ({
        id,
        cells: [
          textCell(clockWords(message.atMs + state.skewMs)),
          textCell(markOf[message.tone], message.tone),
          textCell(message.text, message.tone),
        ],
      })),
      selected,
      focused: true,
      marked: true,
      empty: 'Nothing was said yet.',
      maxRows: null,
      sort: null,
    },
    ...(chosen === undefined
      ? []
      : ([{ kind: 'rule', title: '' }, paragraph([span(chosen.message.text)], 0, 4, 4)] as const)),
  ]
}
