import { open, readFile, realpath, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'

export interface ProvenDevice {
  readonly path: string
  readonly sizeBytes: Bytes
}

/** Linux counts block devices in 512-byte sectors, whatever the device's own sector size (Documentation/block/stat). */
const sectorBytes = 512n

/**
 * Finds the device of a volume by its serial, the only thing that proves which device it is: CloudStack on KVM gives each
 * disk the first 20 hex digits of the volume's UUID, and udev links virtio disks as `virtio-<serial>` in `byIdDir`.
 * Rejects with VOLUME_UNKNOWN when no device carries the serial, VOLUME_IDENTITY_MISMATCH when what is there is neither a
 * block device nor a file, or is empty; TARGET_VOLUME_TOO_SMALL below `minimumBytes`.
 */
export async function proveDevice(
  byIdDir: string,
  serial: VolumeSerial,
  minimumBytes: Bytes,
): Promise<ProvenDevice> {
  const link = join(byIdDir, `virtio-${serial}`)
  const path = await resolveLink(link, serial)
  const device = await open(path, 'r')
  try {
    const sizeBytes = await sizeOf(device, path)
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

async function resolveLink(link: string, serial: VolumeSerial): Promise<string> {
  try {
    return await realpath(link)
  } catch (cause) {
    throw new AppError('VOLUME_UNKNOWN', `no device carries the serial ${serial}`, cause)
  }
}

async function sizeOf(device: FileHandle, path: string): Promise<Bytes> {
  const facts = await device.stat({ bigint: true })
  if (facts.isFile()) return facts.size
  if (!facts.isBlockDevice()) throw new AppError('VOLUME_IDENTITY_MISMATCH', `${path} is not a block device`)
  const sectors = await readFile(join('/sys/class/block', basename(path), 'size'), 'utf8')
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
