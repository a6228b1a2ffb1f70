export interface ChaosSummary {
  readonly seeds: number
  readonly copied: number
  readonly failed: number
  readonly recovered: number
  readonly complaints: readonly string[]
  readonly failures: Readonly<Record<string, number>>
}

export function runChaos(options: {
  readonly seeds: number
  readonly firstSeed?: number
  readonly onProgress?: (summary: ChaosSummary) => void
  /** `copy` and `blocksOf` of native/; those of dist/ by default. */
  readonly engine?: object
}): Promise<ChaosSummary>
