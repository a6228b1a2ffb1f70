const units: readonly (readonly [letter: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** `90m`, `36h`, `7d` in seconds; null: none of these. */
export function secondsOf(text: string): number | null {
  const [, count = '', letter = ''] = /^(\d{1,9}) ?([smhd])$/.exec(text.trim()) ?? []
  const unit = units.find(([each]) => each === letter)
  return unit === undefined ? null : Number(count) * unit[1]
}

/** As `secondsOf` takes it, in the largest unit that says it exactly. */
export function exactSeconds(seconds: number): string {
  const [letter, size] = units.find(([, each]) => seconds % each === 0) ?? ['s', 1]
  return `${seconds / size}${letter}`
}

const sizes: readonly (readonly [name: string, bytes: bigint])[] = [
  ['TiB', 1n << 40n],
  ['GiB', 1n << 30n],
  ['MiB', 1n << 20n],
  ['B', 1n],
]

/** `20 GiB` in bytes, decimal; null: no such size. */
export function bytesOf(text: string): string | null {
  const [, count = '', name = ''] = /^(\d{1,15}) ?([TGM]iB|B)$/i.exec(text.trim()) ?? []
  const unit = sizes.find(([each]) => each.toLowerCase() === name.toLowerCase())
  return unit === undefined ? null : String(BigInt(count) * unit[1])
}

/** As `bytesOf` takes it, in the largest unit that says it exactly. */
export function exactBytes(bytes: string): string {
  const [name, size] = sizes.find(([, each]) => BigInt(bytes) % each === 0n) ?? ['B', 1n]
  return `${BigInt(bytes) / size} ${name}`
}
