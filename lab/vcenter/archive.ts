import { execFile } from 'node:child_process'
import { open, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Disk } from './disk.js'

const run = promisify(execFile)

/**
 * Copies what the guest had written to a disk, from the flat copy that no layer or map takes part in, to
 * `directory/<key>.img`: what a replica of the snapshot is compared with. Call it while the VM is frozen. Sparse.
 */
export async function archiveDisk(disk: Disk, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const target = join(directory, `${disk.options.key}.img`)
  const shadow = disk.options.shadowPath
  if (shadow !== null && disk.hasShadow) {
    await run('/bin/cp', ['--sparse=always', '--reflink=auto', '--', shadow, target])
    return
  }
  const empty = await open(target, 'w')
  await empty.truncate(Number(disk.capacityBytes))
  await empty.close()
}
