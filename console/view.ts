/**
 * What a screen shows, as data: panes make it, `ui/` draws it. Nothing in here knows of cells, colours or terminals, so
 * that another renderer (line by line, for instance) can take the same descriptions.
 */
export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'warn' | 'bad' | 'accent'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export const span = (text: string, tone: Tone = 'plain'): Span => ({ text, tone })

export type TableCell =
  | { readonly kind: 'text'; readonly text: string; readonly tone: Tone }
  /** `fraction` null: it moves, but how far is not known. */
  | { readonly kind: 'bar'; readonly fraction: number | null; readonly tone: Tone }

export const textCell = (text: string, tone: Tone = 'plain'): TableCell => ({ kind: 'text', text, tone })

export interface Column {
  readonly title: string
  /** Cells at least. */
  readonly width: number
  /** Share of the cells left over; 0 stays at `width`. */
  readonly grow: number
  readonly align: 'left' | 'right'
  /** Shown only on screens at least this wide. */
  readonly fromCols: number
}

/** A column of fixed width, on the left, on every screen, unless said otherwise. */
export const column = (title: string, width: number, more: Partial<Column> = {}): Column => ({
  title,
  width,
  grow: 0,
  align: 'left',
  fromCols: 0,
  ...more,
})

export interface TableRow {
  readonly id: string
  /** One per column. */
  readonly cells: readonly TableCell[]
}

/** Rows are made when they are drawn: a table of thousands costs what is visible. */
export interface Rows {
  readonly length: number
  at(index: number): TableRow | undefined
}

export const lazyRows = <T>(items: readonly T[], row: (item: T) => TableRow): Rows => ({
  length: items.length,
  at: index => {
    const item = items[index]
    return item === undefined ? undefined : row(item)
  },
})

export type FieldEntry =
  /** `cursor` counts code points; null: not where the keyboard is. */
  | { readonly kind: 'text'; readonly text: string; readonly cursor: number | null; readonly width: number }
  | { readonly kind: 'choice'; readonly label: string; readonly place: number; readonly of: number }

export type Block =
  | { readonly kind: 'line'; readonly left: readonly Span[]; readonly right: readonly Span[] }
  /** Wrapped at words; lines after the first are indented by `indent` cells. */
  | {
      readonly kind: 'paragraph'
      readonly spans: readonly Span[]
      readonly indent: number
      /** Rows kept free even when the text is shorter, so that what is below stays where it is. */
      readonly minRows: number
      readonly maxRows: number
    }
  | {
      readonly kind: 'meter'
      readonly fraction: number | null
      readonly text: string
      readonly tone: Tone
    }
  | {
      readonly kind: 'table'
      readonly columns: readonly Column[]
      readonly rows: Rows
      /** -1: nothing is selected. */
      readonly selected: number
      readonly focused: boolean
      /** Whether the selected row carries a mark; without one the selection only says which rows to show. */
      readonly marked: boolean
      /** Said in the place of rows when there are none. */
      readonly empty: string
      /** Heading and rows together; null takes what is left. */
      readonly maxRows: number | null
      readonly sort: { readonly column: number; readonly descending: boolean } | null
    }
  | { readonly kind: 'rule'; readonly title: string }
  /** One column per value, the newest on the right; null: not known. */
  | { readonly kind: 'chart'; readonly values: readonly (number | null)[]; readonly rows: number }
  | {
      readonly kind: 'field'
      readonly label: string
      readonly entry: FieldEntry
      readonly focused: boolean
      /** Why it cannot stay as it is, and what is allowed. */
      readonly problem: string | null
    }
  | { readonly kind: 'gap' }

export const line = (...left: readonly Span[]): Block => ({ kind: 'line', left, right: [] })

export const paragraph = (spans: readonly Span[], indent = 0, maxRows = 4, minRows = 0): Block => ({
  kind: 'paragraph',
  spans,
  indent,
  minRows,
  maxRows,
})

export interface DialogView {
  readonly title: string
  readonly tone: Tone
  readonly body: readonly Block[]
  /** To be typed before the last button does anything; null: nothing. */
  readonly typedWord: string | null
  readonly buttons: readonly { readonly label: string; readonly focused: boolean }[]
}

export interface KeyHint {
  readonly key: string
  /** One that can be typed as a line of its own; null: there is none. */
  readonly letter: string | null
  readonly label: string
  /** Shown even where there is no room for all. */
  readonly stays?: boolean
}

/** A field of a form as the plain tier asks for it. */
export interface QuestionView {
  readonly prompt: string
  /** The form is new: its notes are said first. */
  readonly isFirst: boolean
  /** What is typed must not show. */
  readonly secret: boolean
}

export interface View {
  readonly identity: { readonly left: readonly Span[]; readonly right: readonly Span[] }
  readonly sections: readonly { readonly label: string; readonly active: boolean }[]
  readonly body: readonly Block[]
  readonly message: readonly Span[]
  readonly keys: readonly KeyHint[]
  readonly dialog: DialogView | null
  /** Where one thing after the other is asked; null: nothing is. */
  readonly question: QuestionView | null
}
