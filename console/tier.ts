/**
 * How much a terminal can draw. `rich`: a UTF-8 terminal emulator. `vt`: the kernel's console, only glyphs that every
 * font it may have loaded contains. `ascii`: 7-bit and monochrome, for vt100-likes, serial lines and locales without UTF-8.
 */
export const drawnTiers = ['rich', 'vt', 'ascii'] as const
export type DrawnTier = (typeof drawnTiers)[number]

/** `plain` draws nothing: one line after the other, for screen readers, dumb terminals and pipes. */
export const tiers = [...drawnTiers, 'plain'] as const
export type Tier = (typeof tiers)[number]

export const isTier = (text: string): text is Tier => tiers.some(tier => tier === text)

/** The next of the tiers a terminal can do, round and round. */
export const nextTier = (tier: Tier, offered: readonly Tier[]): Tier =>
  offered[(offered.indexOf(tier) + 1) % offered.length] ?? tier
