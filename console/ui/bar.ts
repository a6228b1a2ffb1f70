/** `[#####.....]`; a fraction that is not known is not drawn as 0. */
export function barText(fraction: number | null, cells: number): string {
  const inside = Math.max(1, cells - 2)
  if (fraction === null) return `[${'?'.padStart(Math.ceil(inside / 2)).padEnd(inside)}]`
  const full = Math.floor(Math.min(1, Math.max(0, fraction)) * inside + 1e-9)
  return `[${'█'.repeat(full)}${'░'.repeat(inside - full)}]`
}
