import { execFile } from 'node:child_process'
import { mkdir, writeFile, truncate } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Cleanup } from './cleanup.js'

const run = promisify(execFile)

/** A file system of its own below `path`, over a file of this size; unmounted by the cleanup. Needs root and loop devices. */
export async function smallFilesystem(
  path: string,
  image: string,
  sizeBytes: number,
  cleanup: Cleanup,
): Promise<void> {
  await mkdir(path, { recursive: true })
  await writeFile(image, '')
  await truncate(image, sizeBytes)
  await run('/usr/sbin/mkfs.ext4', ['-q', '-F', '-m', '0', image])
  await run('/usr/bin/mount', ['-o', 'loop', image, path])
  cleanup.add(`the file system of ${path}`, async () => {
    await run('/usr/bin/umount', [path])
  })
}
