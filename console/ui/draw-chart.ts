import type { Frame } from './frame.js'

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Lowest to full; the kernel's console has no eighths, and 7-bit terminals get `.:#` for the blocks. */
const richLevels = '▁▂▃▄▅▆▇█'
const coarseLevels = '░▒█'
/** In the place of a value that is not known: it is not 0. */
const unknownMark = '?'

/** Columns of `values` (0 to 1), the newest at the right edge; more than fit lose the oldest. */
export function drawChart(frame: Frame, values: readonly (number | null)[], area: Area): void {
  const levels = frame.tier === 'rich' ? richLevels : coarseLevels
  const shown = values.slice(-area.width)
  shown.forEach((value, at) => {
    const x = area.x + area.width - shown.length + at
    if (value === null) {
      frame.put(x, area.y + area.height - 1, unknownMark, { tone: 'dim', inverse: false }, 1)
      return
    }
    const steps = Math.ceil(Math.min(1, Math.max(0, value)) * area.height * levels.length)
    for (let row = 0; row < area.height; row += 1) {
      const here = Math.min(levels.length, steps - row * levels.length)
      const char = here > 0 ? (levels[here - 1] ?? '') : ''
      if (char !== '')
        frame.put(x, area.y + area.height - 1 - row, char, { tone: 'accent', inverse: false }, 1)
    }
  })
}
