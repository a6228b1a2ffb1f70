import { line, span, type Block, type Tone } from '../view.js'

const labelCells = 10

/** One line that says one thing. */
export const fact = (label: string, text: string, tone: Tone = 'plain'): Block =>
  line(span(`${label} `.padEnd(labelCells), 'dim'), span(text, tone))
