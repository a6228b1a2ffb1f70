/** Repeatable: the same seed gives the same keys on every machine (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below)
  }
}

/** What fingers, cats, terminals and pastes send. `q` and the end of input leave the console, so they are not in here. */
const inputs: readonly string[] = [
  ...Array.from('abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPQRSUVWXYZ0123456789/?!: -_'),
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
  ...['A', 'B', 'C', 'D', 'F', 'H', 'Z'].map(final => `\u001b[${final}`),
  ...['2', '3', '5', '6', '11', '15', '17', '18', '21', '24'].map(number => `\u001b[${number}~`),
  ...['P', 'Q', 'R', 'S'].map(final => `\u001bO${final}`),
  '\u001b[[A',
  '\u001b[[E',
  '\u001b[200~CANCEL\r\u001b[201~',
  '\u001b[?64;1c',
  '\u001b[12;40R',
  '\u001b[<0;10;10M',
  '\u001b]52;c;AAAA\u0007',
  '\u001bP1$r\u001b\\',
  '\u001b[999999999999;1H',
  '\u009b31m',
  'é',
  '日',
  '\u{1f600}',
]

/** What leads somewhere: half of all keys, or nobody would ever get to a dialog. */
const likely: readonly string[] = [
  '\r',
  '\r',
  '\t',
  '\u001b',
  '\u001b[B',
  '\u001b[A',
  '1',
  '2',
  '3',
  'p',
  's',
  'c',
  'j',
]

export function randomInput(random: (below: number) => number): string {
  const from = random(2) === 0 ? inputs : likely
  return from[random(from.length)] ?? ''
}
