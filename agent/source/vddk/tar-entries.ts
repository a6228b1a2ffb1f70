import { AppError } from '../../errors.js'

export type TarEntry =
  | { readonly kind: 'directory'; readonly name: string }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string }
  | {
      readonly kind: 'file'
      readonly name: string
      readonly sizeBytes: number
      readonly isExecutable: boolean
      /** To be read before the next entry is asked for; what is left of it is passed over. */
      readonly content: AsyncIterable<Uint8Array>
    }

const blockBytes = 512
/** Of a name that has an entry of its own. */
const maxNameBytes = 4096

export const unusable = (why: string, cause?: unknown): AppError =>
  new AppError('VDDK_ARCHIVE_REFUSED', why, cause)

/**
 * The entries of a tar archive (POSIX ustar, with the long names of GNU tar and pax) in their order. Nothing but files,
 * directories and symbolic links is passed on: hard links, devices and all else reject with VDDK_ARCHIVE_REFUSED, as does
 * an archive without its end.
 */
export async function* tarEntries(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(bytes)
  let longName: string | undefined
  let longTarget: string | undefined
  for (;;) {
    const header = await reader.take(blockBytes)
    if (header.every(byte => byte === 0)) return
    mustAddUp(header)
    const type = String.fromCharCode(header[156] ?? 0)
    const sizeBytes = octal(header.subarray(124, 136), 'a size')
    if (type === 'L' || type === 'K' || type === 'x' || type === 'g') {
      if (sizeBytes > maxNameBytes) throw unusable('a name in the archive is too long')
      const text = (await reader.take(padded(sizeBytes))).subarray(0, sizeBytes).toString('utf8')
      if (type === 'L') longName = upToZero(text)
      else if (type === 'K') longTarget = upToZero(text)
      else if (type === 'x') {
        longName = paxValue(text, 'path') ?? longName
        longTarget = paxValue(text, 'linkpath') ?? longTarget
      }
      continue
    }
    const name = longName ?? ustarName(header)
    const target = longTarget ?? textOf(header.subarray(157, 257))
    longName = undefined
    longTarget = undefined
    const left = reader.limit(padded(sizeBytes))
    switch (type) {
      case '0':
      case '\0':
        yield {
          kind: 'file',
          name,
          sizeBytes,
          isExecutable: (octal(header.subarray(100, 108), 'a mode') & 0o100) !== 0,
          content: reader.stream(left, sizeBytes),
        }
        break
      case '5':
        yield { kind: 'directory', name }
        break
      case '2':
        yield { kind: 'symlink', name, target }
        break
      default:
        throw unusable(`the archive holds an entry of type ${JSON.stringify(type)}, which VDDK's never do`)
    }
    await reader.pass(left)
  }
}

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / blockBytes) * blockBytes

/** The sum of the header's bytes, its own field taken as blanks. */
function mustAddUp(header: Buffer): void {
  let sum = 0
  header.forEach((byte, at) => (sum += at >= 148 && at < 156 ? 0x20 : byte))
  if (sum !== octal(header.subarray(148, 156), 'a checksum'))
    throw unusable('it is no tar archive, or a damaged one')
}

function octal(field: Buffer, what: string): number {
  const text = textOf(field).trim()
  if (!/^[0-7]{1,11}$/.test(text)) throw unusable(`${what} in the archive cannot be read`)
  return parseInt(text, 8)
}

const textOf = (field: Buffer): string => upToZero(field.toString('utf8'))

const upToZero = (text: string): string => text.split('\0')[0] ?? ''

function ustarName(header: Buffer): string {
  const name = textOf(header.subarray(0, 100))
  const prefix =
    header.subarray(257, 262).toString('latin1') === 'ustar' ? textOf(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** A pax record is `LENGTH KEY=VALUE\n`. */
const paxValue = (text: string, key: string): string | undefined =>
  new RegExp(`^\\d+ ${key}=(.*)$`, 'm').exec(text)?.[1]

interface Left {
  bytes: number
}

/** Bytes in the portions somebody wants, whatever the portions they come in. */
class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>
  #held = Buffer.alloc(0)

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#source = bytes[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let wanted = count; wanted > 0;) {
      const part = await this.#some(wanted)
      parts.push(part)
      wanted -= part.length
    }
    return Buffer.concat(parts)
  }

  limit(bytes: number): Left {
    return { bytes }
  }

  async *stream(left: Left, sizeBytes: number): AsyncGenerator<Uint8Array> {
    for (let wanted = sizeBytes; wanted > 0;) {
      const part = await this.#some(wanted)
      wanted -= part.length
      left.bytes -= part.length
      yield part
    }
  }

  async pass(left: Left): Promise<void> {
    while (left.bytes > 0) left.bytes -= (await this.#some(left.bytes)).length
  }

  async #some(atMost: number): Promise<Buffer> {
    while (this.#held.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) throw unusable('the archive ends in the middle')
      this.#held = Buffer.from(next.value)
    }
    const part = this.#held.subarray(0, atMost)
    this.#held = this.#held.subarray(part.length)
    return part
  }
}
