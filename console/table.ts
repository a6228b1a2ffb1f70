/** What the operator set on one table. The selection is by id, so that new data never moves it to another thing. */
export interface TableState {
  readonly selectedId: string | null
  readonly filter: string
  readonly sort: { readonly column: number; readonly descending: boolean }
}

export const tableState = (column = 0, descending = false): TableState => ({
  selectedId: null,
  filter: '',
  sort: { column, descending },
})

/** How a table reads its items. `sortKeys` has one entry per sortable column. */
export interface TableSpec<T> {
  readonly id: (item: T) => string
  /** Words the filter looks in. */
  readonly text: (item: T) => string
  /** Fields for `field:word` in the filter. */
  readonly fields: Readonly<Record<string, (item: T) => string>>
  readonly sortKeys: readonly ((item: T) => string | number | bigint)[]
}

interface FilterTerm {
  readonly field: string | null
  readonly word: string
  readonly negated: boolean
}

/** `web state:failed !test` → terms that all have to hold. A field the table does not have is looked for as text. */
export function parseFilter(filter: string, fields: readonly string[]): readonly FilterTerm[] {
  const terms: FilterTerm[] = []
  for (const raw of filter.toLowerCase().split(/\s+/)) {
    const negated = raw.startsWith('!')
    const body = negated ? raw.slice(1) : raw
    const colon = body.indexOf(':')
    const field = colon > 0 ? body.slice(0, colon) : ''
    const known = fields.includes(field)
    const word = known ? body.slice(colon + 1) : body
    if (word !== '') terms.push({ field: known ? field : null, word, negated })
  }
  return terms
}

const compareKeys = (left: string | number | bigint, right: string | number | bigint): number => {
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  return left < right ? -1 : left > right ? 1 : 0
}

/** The items that pass the filter, in the table's order; equal keys are ordered by id, so that rows never swap. */
export function arrange<T>(items: readonly T[], spec: TableSpec<T>, state: TableState): readonly T[] {
  const terms = parseFilter(state.filter, Object.keys(spec.fields))
  const passes = (item: T): boolean =>
    terms.every(term => {
      const read = term.field === null ? spec.text : (spec.fields[term.field] ?? spec.text)
      return read(item).toLowerCase().includes(term.word) !== term.negated
    })
  const kept = terms.length === 0 ? [...items] : items.filter(passes)
  const keyOf = spec.sortKeys[state.sort.column]
  if (keyOf === undefined) return kept
  const keyed = kept.map(item => ({ item, key: keyOf(item), id: spec.id(item) }))
  const sign = state.sort.descending ? -1 : 1
  keyed.sort((a, b) => sign * compareKeys(a.key, b.key) || compareKeys(a.id, b.id))
  return keyed.map(entry => entry.item)
}

/** Where the selected id is; the first row when it is gone, -1 in an empty table. */
export function selectedIndex(ids: readonly string[], state: TableState): number {
  if (ids.length === 0) return -1
  const index = state.selectedId === null ? -1 : ids.indexOf(state.selectedId)
  return index === -1 ? 0 : index
}

/** Moves the selection by `step` rows, held at both ends. */
export function moveSelection(ids: readonly string[], state: TableState, step: number): TableState {
  const index = Math.min(ids.length - 1, Math.max(0, selectedIndex(ids, state) + step))
  return { ...state, selectedId: ids[index] ?? null }
}

/**
 * The first row shown, from the selection alone, so that nothing has to be remembered. The window moves in half pages:
 * there are always rows to see around the selection, and most steps redraw two rows only.
 */
export function windowTop(count: number, selected: number, height: number): number {
  if (count <= height) return 0
  const half = Math.max(1, Math.floor(height / 2))
  const top = Math.floor(Math.max(0, selected) / half) * half - Math.floor(half / 2)
  const low = Math.max(0, selected - height + 1)
  return Math.min(count - height, Math.max(0, low, Math.min(selected, top)))
}
