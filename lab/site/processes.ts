import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface FoundProcess {
  readonly pid: number
  readonly argv: readonly string[]
}

/** The running nbdkit processes with an argument that contains `text`. */
export const findNbdkits = (text: string): Promise<readonly FoundProcess[]> => find(['nbdkit'], text)

/** NBD servers of either kind. */
export const findServers = (text: string): Promise<readonly FoundProcess[]> =>
  find(['nbdkit', 'qemu-nbd'], text)

async function find(programs: readonly string[], text: string): Promise<readonly FoundProcess[]> {
  const found: FoundProcess[] = []
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    try {
      const program = await readlink(join('/proc', pid, 'exe'))
      if (!programs.some(one => program.includes(one))) continue
      const argv = (await readFile(join('/proc', pid, 'cmdline'), 'utf8')).split('\0')
      if (argv.some(argument => argument.includes(text))) found.push({ pid: Number(pid), argv })
    } catch (error) {
      if (!isNotOurs(error)) throw error
    }
  }
  return found
}

/** The process ended while it was looked at, has no program of its own, or may not be looked at. */
const isNotOurs = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code))
