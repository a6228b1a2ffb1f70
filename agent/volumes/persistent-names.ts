import { readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type VolumeSerial } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { deviceOf, linkedPaths } from './device-table.js'

export interface NamesReport {
  readonly made: readonly string[]
  /** Led to a device that the volume no longer is. */
  readonly repaired: readonly string[]
  readonly dropped: readonly string[]
  /** Serials whose device could not be proven, and why: they have no name. */
  readonly doubts: readonly { readonly serial: VolumeSerial; readonly why: string }[]
}

const namePattern = /^vol[0-9a-f]{20}$/

export const persistentName = (serial: VolumeSerial): string => `vol${serial}`

/**
 * One symlink `vol<serial>` in `namesDir` for each volume attached to this machine, as a convenience for people: nothing here
 * opens a device through it. Names that are not of this form are never touched. Repeatable; a crash in the middle leaves
 * some names old, and the next call mends them.
 */
export async function mendNames(namesDir: string, byIdDir: string): Promise<NamesReport> {
  const { devices, doubts } = await provenDevices(byIdDir)
  const present = new Set((await readdir(namesDir)).filter(name => namePattern.test(name)))
  const made: string[] = []
  const repaired: string[] = []
  for (const [serial, path] of devices) {
    const name = persistentName(serial)
    const link = join(namesDir, name)
    if (!present.delete(name)) made.push(name)
    else if ((await target(link)) === path) continue
    else repaired.push(name)
    await replaceLink(link, path)
  }
  for (const name of present) await rm(join(namesDir, name), { force: true })
  return { made, repaired, dropped: [...present], doubts }
}

/** What is attached to this machine now. */
export async function provenDevices(byIdDir: string) {
  const devices = new Map<VolumeSerial, string>()
  const doubts: { readonly serial: VolumeSerial; readonly why: string }[] = []
  for (const serial of (await linkedPaths(byIdDir)).keys()) {
    try {
      devices.set(serial, await deviceOf(byIdDir, serial))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      // It left between the two looks: no doubt, just gone.
      if (error.code !== 'VOLUME_UNKNOWN') doubts.push({ serial, why: error.message })
    }
  }
  return { devices, doubts }
}

/** Undefined for something that is no symlink, which is replaced like a wrong one. */
async function target(link: string): Promise<string | undefined> {
  try {
    return await readlink(link)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined
    throw error
  }
}

/** At no moment is the name absent or half made. */
async function replaceLink(link: string, path: string): Promise<void> {
  const draft = `${link}.new`
  await rm(draft, { force: true })
  await symlink(path, draft)
  await rename(draft, link)
}
