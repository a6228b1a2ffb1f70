import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { execa } from 'execa'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { imageOptions } from './qemu-image.js'

/** CBT's grain, and the grain of what is applied. */
export const overlayClusterBytes = 65_536

const maxReportBytes = 1_000_000
/** Of qemu-img check: 0 is clean; 3 says that clusters are allocated which nothing uses, which costs space only. */
const soundStatuses: readonly (number | undefined)[] = [0, 3]

/**
 * An overlay is a qcow2 file of a volume's size. It names no backing file: what lies below it is said at each opening, by
 * who has just proven the device. `qemuImgPath` is absolute everywhere here.
 */

/**
 * Makes the overlay unless it is there; resolves when a crash cannot take it away. Rejects as requireSound() when one
 * is there, with STAGING_FULL without space, and with STAGING_INVALID when it cannot be made for another reason.
 */
export async function ensureOverlay(qemuImgPath: string, path: string, sizeBytes: Bytes): Promise<void> {
  if (await exists(path)) return requireSound(qemuImgPath, path, sizeBytes)
  const draft = `${path}.new`
  await rm(draft, { force: true })
  const options = `cluster_size=${overlayClusterBytes},lazy_refcounts=off,compat=1.1`
  const argv = ['create', '-q', '-f', 'qcow2', '-o', options, draft, sizeBytes.toString()]
  const { exitCode, complaint } = await qemuImg(qemuImgPath, argv)
  if (exitCode !== 0) {
    await rm(draft, { force: true })
    // strerror(ENOSPC), in the words of the C locale; anything else is not for want of space.
    const isFull = complaint.includes('No space left on device')
    throw new AppError(isFull ? 'STAGING_FULL' : 'STAGING_INVALID', `making ${path}: ${complaint}`)
  }
  try {
    await syncFile(draft)
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true })
    const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
    throw new AppError(isFull ? 'STAGING_FULL' : 'STAGING_INVALID', `making ${path}`, cause)
  }
  await syncFile(dirname(path))
}

/**
 * Rejects with STAGING_MISSING, TARGET_VOLUME_TOO_SMALL when its volume has become smaller, or STAGING_INVALID when it is no
 * overlay of a volume of this size or its tables are broken.
 */
export async function requireSound(qemuImgPath: string, path: string, sizeBytes: Bytes): Promise<void> {
  if (!(await exists(path))) throw new AppError('STAGING_MISSING', `there is no ${path}`)
  const image = await imageOptions({ path })
  const info = await qemuImg(qemuImgPath, ['info', '--output=json', '--image-opts', image])
  if (info.exitCode !== 0) throw new AppError('STAGING_INVALID', `looking at ${path}: ${info.complaint}`)
  const found = virtualSize(info.stdout)
  if (found !== sizeBytes) {
    // A device that dies keeps its name and loses its size.
    const isShrunk = found !== undefined && found > sizeBytes
    throw new AppError(
      isShrunk ? 'TARGET_VOLUME_TOO_SMALL' : 'STAGING_INVALID',
      `${path} is for ${found ?? 'unknown'} bytes, its volume has ${sizeBytes}`,
    )
  }
  const check = await qemuImg(qemuImgPath, ['check', '-q', '--image-opts', image])
  if (!soundStatuses.includes(check.exitCode))
    throw new AppError('STAGING_INVALID', `checking ${path}: ${check.complaint}`)
}

/** Resolves when the file and its name are durable; rejects as the system does. */
export async function syncOverlay(path: string): Promise<void> {
  await syncFile(path)
  await syncFile(dirname(path))
}

/** Absent is removed. Resolves when a crash cannot bring it back. */
export async function removeOverlay(path: string): Promise<void> {
  for (const file of [`${path}.new`, path]) await rm(file, { force: true })
  await syncFile(dirname(path))
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

async function qemuImg(qemuImgPath: string, argv: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(qemuImgPath, [...argv], {
    stdin: 'ignore',
    reject: false,
    env: {},
    extendEnv: false,
    maxBuffer: maxReportBytes,
  })
  return {
    exitCode,
    stdout,
    complaint: stderr
      .trim()
      .slice(-300)
      .replace(/[^\u0020-\u007e]/g, ' '),
  }
}

function virtualSize(text: string): Bytes | undefined {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('virtual-size' in value)) return undefined
  const size = value['virtual-size']
  return typeof size === 'number' && Number.isSafeInteger(size) ? BigInt(size) : undefined
}
