import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compressed = promisify(gzip)

export type InitramfsEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }

/** File types of stat(2). */
const directoryType = 0o040000
const fileType = 0o100000

/** The kernel's format for what it unpacks as its first root: cpio "newc", headers of hexadecimal digits, parts padded to 4 bytes. */
export function cpioArchive(entries: readonly InitramfsEntry[]): Buffer {
  const parts: Buffer[] = []
  const add = (path: string, mode: number, content: Buffer): void => {
    const name = Buffer.from(`${path}\0`)
    const fields = [
      parts.length + 1, // inode: any number of its own
      mode,
      0, // uid
      0, // gid
      1, // links
      0, // mtime
      content.length,
      0,
      0, // device it lies on
      0,
      0, // device it is
      name.length,
      0, // checksum: none in this format
    ]
    const header = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`
    parts.push(padded(Buffer.concat([Buffer.from(header), name])), padded(content))
  }
  for (const entry of entries)
    if (entry.kind === 'directory') add(entry.path, directoryType | 0o755, Buffer.alloc(0))
    else add(entry.path, fileType | entry.mode, entry.content)
  add('TRAILER!!!', 0, Buffer.alloc(0))
  return Buffer.concat(parts)
}

const padded = (part: Buffer): Buffer => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)])

/** Writes the first root of a guest: busybox, the modules in the order they load, and `init`, which busybox's shell runs. */
export async function writeInitramfs(path: string, systemDir: string, init: string): Promise<void> {
  const modulesDir = join(systemDir, 'modules')
  const modules = (await readdir(modulesDir)).sort()
  const entries: InitramfsEntry[] = [
    ...['dev', 'proc', 'sys', 'run', 'modules', 'bin'].map(name => ({
      kind: 'directory' as const,
      path: name,
    })),
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: await readFile(join(systemDir, 'busybox')) },
    { kind: 'file', path: 'init', mode: 0o755, content: Buffer.from(init) },
  ]
  for (const name of modules)
    entries.push({
      kind: 'file',
      path: `modules/${name}`,
      mode: 0o644,
      content: await readFile(join(modulesDir, name)),
    })
  await writeFile(path, await compressed(cpioArchive(entries), { level: 1 }))
}
