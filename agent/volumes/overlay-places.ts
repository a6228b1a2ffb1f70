import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { passId, volumeSerial, type PassId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'

/** Of one disk and one pass. */
export interface OverlayName {
  readonly serial: VolumeSerial
  readonly pass: PassId
}

export interface FoundOverlay extends OverlayName {
  /** What it takes of the staging space now. */
  readonly storedBytes: Bytes
}

const namePattern = /^([0-9a-f]{20})\.([0-9a-f-]{36})\.qcow2$/
/** stat(2) counts in these. */
const statBlockBytes = 512n

export const overlayPath = (stagingDir: string, { serial, pass }: OverlayName): string =>
  join(stagingDir, `${serial}.${pass}.qcow2`)

/** Every overlay there is; files of other names are none. */
export async function foundOverlays(stagingDir: string): Promise<readonly FoundOverlay[]> {
  const found = []
  for (const name of (await readdir(stagingDir)).toSorted()) {
    const [, serial, pass] = namePattern.exec(name) ?? []
    if (serial === undefined || pass === undefined) continue
    const { blocks } = await stat(join(stagingDir, name), { bigint: true })
    found.push({
      serial: volumeSerial(serial),
      pass: passId(pass),
      storedBytes: blocks * statBlockBytes,
    })
  }
  return found
}

/** What may still be written to the staging space. */
export async function freeStagingBytes(stagingDir: string): Promise<Bytes> {
  const { bavail, bsize } = await statfs(stagingDir, { bigint: true })
  return bavail * bsize
}
