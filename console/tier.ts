/**
 * How much a terminal can draw. `rich`: a UTF-8 terminal emulator. `vt`: the kernel's console, only glyphs that every
 * font it may have loaded contains. `ascii`: 7-bit and monochrome, for vt100-likes, serial lines and locales without UTF-8.
 */
export const tiers = ['rich', 'vt', 'ascii'] as const
export type Tier = (typeof tiers)[number]

export const isTier = (text: string): text is Tier => tiers.some(tier => tier === text)

/** The next tier, round and round. */
export const nextTier = (tier: Tier): Tier => tiers[(tiers.indexOf(tier) + 1) % tiers.length] ?? 'ascii'
