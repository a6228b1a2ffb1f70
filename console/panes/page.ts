import { codePoints } from '../clean-text.js'
import { formBlocks } from '../form.js'
import { chosenRow, pageContext, pageRows, shownPage } from '../page-lookup.js'
import type { Page, PageContext, PageRow, PageTable } from '../page.js'
import type { Overlay, PageScreen, State } from '../state.js'
import { selectedIndex } from '../table.js'
import { column, lazyRows, line, span, textCell, type Block, type Span } from '../view.js'
import { durationWords } from '../words.js'
import { failureBlock } from './alarms.js'

/** A page as its description says: heading, what is above the table, the table, what there is to say of its row. */
export function pageBody(state: State, screen: PageScreen): readonly Block[] {
  const page = shownPage(state)
  if (page === null) return [line(span('Starting ...', 'dim'))]
  const context = pageContext(state, screen)
  const rows = pageRows(state)
  const failures = page.reads(screen.params).flatMap(({ key }) => state.readings[key]?.failure ?? [])
  const codes = new Set<string>()
  const first = failures.filter(({ code }) => !codes.has(code) && codes.add(code))
  return [
    heading(state, page, screen, rows.length),
    ...first.map(failure => failureBlock(failure)),
    ...page.head(context),
    ...(page.table === null ? [] : [tableBlock(state, page.table, context, rows)]),
    ...page.foot(context, chosenRow(state, rows)),
  ]
}

function heading(state: State, page: Page, { params }: PageScreen, count: number): Block {
  const { filter } = state.tables.page
  const typing = state.overlay?.kind === 'filter' ? state.overlay.line : null
  const left: Span[] = [span(page.title, 'strong')]
  if (params.name !== '') left.push(span(' > ', 'dim'), span(params.name, 'strong'))
  if (typing !== null) {
    const chars = codePoints(typing.text)
    left.push(span('   Filter: '), span(chars.slice(0, typing.cursor).join(''), 'strong'))
    left.push(span('_', 'accent'), span(chars.slice(typing.cursor).join(''), 'strong'))
  } else if (filter !== '') left.push(span('   Filter: '), span(filter, 'strong'))
  const marked = state.marks.length === 0 ? '' : `${state.marks.length} marked, `
  const shown = page.table === null ? '' : `${marked}${count} ${count === 1 ? 'row' : 'rows'}`
  return { kind: 'line', left, right: [span(shown), span(ageOf(state, page, params.id))] }
}

/** How old the oldest reading of the page is. */
function ageOf(state: State, page: Page, id: string): string {
  const parts = page.reads({ id, name: '' }).map(({ key }) => state.readings[key]?.okMs ?? null)
  const known = parts.filter(okMs => okMs !== null)
  if (known.length === 0) return state.asking.length > 0 ? '  reading ...' : ''
  return `  read ${durationWords((state.nowMs - Math.min(...known)) / 1000)} ago`
}

function tableBlock(state: State, table: PageTable, context: PageContext, rows: readonly PageRow[]): Block {
  const { filter, sort } = state.tables.page
  const ids = rows.map(row => row.id)
  const marks = new Set(state.marks)
  return {
    kind: 'table',
    columns: table.canMark ? [column('', 3), ...table.columns] : table.columns,
    rows: lazyRows(rows, row => ({
      id: row.id,
      cells: table.canMark
        ? [textCell(marks.has(row.id) ? '[x]' : '[ ]', 'accent'), ...row.cells()]
        : row.cells(),
    })),
    selected: selectedIndex(ids, state.tables.page),
    focused: true,
    marked: true,
    empty: filter === '' ? table.empty(context) : 'Nothing matches the filter. Esc takes it away.',
    maxRows: null,
    sort: sort.column < 0 ? null : { ...sort, column: sort.column + (table.canMark ? 1 : 0) },
  }
}

/** A form takes the place of the page below it. */
export const formBody = (overlay: Extract<Overlay, { kind: 'form' }>): readonly Block[] => [
  line(span(overlay.page.title, 'strong')),
  ...(overlay.failure === null ? [] : [failureBlock(overlay.failure)]),
  ...formBlocks(overlay.page.spec, overlay.form),
]
