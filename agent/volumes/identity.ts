import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { deviceOf, sysfsOf, whyGone } from './device-table.js'

export interface ProvenDevice {
  readonly path: string
  readonly sizeBytes: Bytes
}

/** Linux counts block devices in 512-byte sectors, whatever the device's own sector size (Documentation/block/stat). */
const sectorBytes = 512n

/**
 * Finds the device of a volume by its serial, the only thing that proves which device it is: CloudStack on KVM gives each
 * disk the first 20 hex digits of the volume's UUID. Rejects with VOLUME_UNKNOWN when no device carries the serial,
 * VOLUME_IDENTITY_MISMATCH when two do, when the disk itself says another one, or when what is there is neither a block device
 * nor a file, or is empty; TARGET_VOLUME_TOO_SMALL below `minimumBytes`.
 */
export async function proveDevice(
  byIdDir: string,
  serial: VolumeSerial,
  minimumBytes: Bytes,
): Promise<ProvenDevice> {
  const path = await deviceOf(byIdDir, serial)
  const device = await open(path, 'r').catch(whyGone(serial))
  try {
    const sizeBytes = await sizeOf(device, path).catch(whyGone(serial))
    if (sizeBytes === 0n)
      throw new AppError('VOLUME_IDENTITY_MISMATCH', `the device of volume ${serial} is empty`)
    if (sizeBytes < minimumBytes) {
      throw new AppError(
        'TARGET_VOLUME_TOO_SMALL',
        `the device of volume ${serial} has ${sizeBytes} bytes, its source disk ${minimumBytes}`,
      )
    }
    return { path, sizeBytes }
  } finally {
    await device.close()
  }
}

async function sizeOf(device: FileHandle, path: string): Promise<Bytes> {
  const facts = await device.stat()
  if (facts.isFile()) return BigInt(facts.size)
  const sysfs = sysfsOf(facts)
  if (sysfs === undefined) throw new AppError('VOLUME_IDENTITY_MISMATCH', `${path} is not a block device`)
  const sectors = await readFile(join(sysfs, 'size'), 'utf8')
  return BigInt(sectors.trim()) * sectorBytes
}

/** True while the same device is still behind the serial; asked again right after its server has opened it. */
export async function isStillThere(
  byIdDir: string,
  serial: VolumeSerial,
  proven: ProvenDevice,
): Promise<boolean> {
  const now = await proveDevice(byIdDir, serial, proven.sizeBytes)
  return now.path === proven.path
}
