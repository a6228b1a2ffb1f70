import type { Tone } from '../view.js'
import type { Style } from './frame.js'

/** The painter's attribute number: flags << 18 | foreground << 9 | background; 0x1ff is the terminal's own colour. */
export type Attribute = number

const own = 0x1ff
const bold = 1
const inverseFlag = 8

const red = 1
const green = 2
const yellow = 3
const cyan = 6

const attribute = (flags: number, foreground: number): Attribute => (flags << 18) | (foreground << 9) | own

export const plainAttribute = attribute(0, own)

const colours: Readonly<Record<Tone, readonly [flags: number, foreground: number]>> = {
  plain: [0, own],
  dim: [0, own],
  strong: [bold, own],
  good: [0, green],
  warn: [0, yellow],
  bad: [bold, red],
  accent: [0, cyan],
}

const mono: Readonly<Record<Tone, number>> = {
  plain: 0,
  dim: 0,
  strong: bold,
  good: 0,
  warn: 0,
  bad: bold,
  accent: 0,
}

/** Only inverse and bold without colour; with it, the eight colours that every terminal has. */
export function attributeFor(style: Style, colour: boolean): Attribute {
  const inverse = style.inverse ? inverseFlag : 0
  if (!colour) return attribute(mono[style.tone] | inverse, own)
  const [flags, foreground] = colours[style.tone]
  return attribute(flags | inverse, foreground)
}
