import { sumOfFile } from '../../native/file-copy.js'
import { readProof, wholeDisk, type ReadProof } from '../domain/read-proof.js'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isStillThere, proveDevice } from './identity.js'
import { deviceReadError } from './overlay-errors.js'
import { type OnProgress } from './apply-overlay.js'

/**
 * Reads the first `diskBytes` of a volume from its device. Nothing is written. Rejects as proveDevice(), with
 * TARGET_READ_FAILED, or with VOLUME_IDENTITY_MISMATCH when another device took the name meanwhile.
 */
export async function checkDevice(
  { byIdDir }: { readonly byIdDir: string },
  serial: VolumeSerial,
  diskBytes: Bytes,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ReadProof> {
  const proven = await proveDevice(byIdDir, serial, diskBytes)
  const whole = wholeDisk(diskBytes)
  const sum = await sumOfFile({
    source: proven.path,
    parts: whole.map(extent => ({ ...extent, fileOffset: extent.offset })),
    signal,
    onProgress: doneBytes => onProgress(doneBytes, diskBytes),
  }).catch((cause: unknown) => {
    throw deviceReadError(serial, cause, signal)
  })
  if (!(await isStillThere(byIdDir, serial, proven)))
    throw new AppError('VOLUME_IDENTITY_MISMATCH', `another device took the serial ${serial} meanwhile`)
  return readProof(whole, sum)
}
