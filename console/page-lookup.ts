import type { Static, TSchema } from 'typebox'
import type { Page, PageContext, PageLink, PageRow, Read, Shown } from './page.js'
import { emptyPart, type Part } from './part.js'
import { agentNowMs, shownJob, vmById, type PageScreen, type State } from './state.js'
import { arrange, selectedIndex, type TableSpec } from './table.js'

/** The page of that name; null while pages are not loaded. */
export const pageNamed = (state: State, name: string): Page | null =>
  state.features?.flatMap(feature => feature.pages).find(page => page.name === name) ?? null

export const shownPage = (state: State): Page | null =>
  state.screen.kind === 'page' ? pageNamed(state, state.screen.page) : null

export function pageContext(state: State, screen: PageScreen): PageContext {
  return {
    params: screen.params,
    nowMs: agentNowMs(state),
    hostName: state.hostName,
    vms: state.data.vms.value,
    jobs: state.data.jobs.value,
    marked: state.marks,
    // Only what fits the schema of its reading is ever put there.
    read: <Schema extends TSchema>({ key }: Read<Schema>) =>
      (state.readings[key] ?? emptyPart(key)) as Part<Static<Schema>>,
  }
}

/** The rows of the page's table as they are shown: filtered and ordered. */
export function pageRows(state: State): readonly PageRow[] {
  const table = shownPage(state)?.table ?? null
  if (table === null || state.screen.kind !== 'page') return []
  const rows = table.rows(pageContext(state, state.screen))
  const spec: TableSpec<PageRow> = {
    id: row => row.id,
    text: row => row.text,
    fields: Object.fromEntries(table.filterFields.map(name => [name, row => row.fields[name] ?? ''])),
    sortKeys: table.columns.map((_, at) => row => sortKey(row, at)),
  }
  return arrange(rows, spec, state.tables.page)
}

function sortKey(row: PageRow, at: number): string {
  const cell = row.cells()[at]
  return cell?.kind === 'text' ? cell.text.toLowerCase() : ''
}

export function chosenRow(state: State, rows: readonly PageRow[]): PageRow | null {
  const ids = rows.map(row => row.id)
  return rows[selectedIndex(ids, state.tables.page)] ?? null
}

export function shownOf(state: State): Shown {
  const job = shownJob(state)
  const vmId = state.screen.kind === 'vm' ? state.screen.vmId : (job?.sourceVmId ?? null)
  return { job, vm: vmId === null ? null : vmById(state, vmId) }
}

/** Links that start at the screen shown. */
export function linksHere(state: State): readonly PageLink[] {
  const { kind } = state.screen
  const links = state.features?.flatMap(feature => feature.links) ?? []
  return links.filter(link => link.from.some(place => place === kind))
}

/** A key that a page has, or that leads to one. */
export interface PageKey {
  readonly key: string
  readonly label: string | null
  readonly help: string
  readonly isOffered: boolean
}

export function pageKeys(state: State): readonly PageKey[] {
  const idle = state.link.kind === 'up' && state.deed === null
  const page = shownPage(state)
  if (page === null || state.screen.kind !== 'page') {
    const shown = shownOf(state)
    return linksHere(state).map(link => ({ ...link, isOffered: link.isOffered(shown) }))
  }
  const context = pageContext(state, state.screen)
  const row = chosenRow(state, pageRows(state))
  return page.actions.map(action => ({ ...action, isOffered: idle && action.isOffered(context, row) }))
}
