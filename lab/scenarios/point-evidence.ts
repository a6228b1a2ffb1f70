import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Readable } from 'node:stream'
import { type OpenedPointView, type PointView } from '../../agent/api/points.js'
import { type JobView } from '../../agent/api/schemas.js'
import { compareImages } from '../site/compare.js'
import { type LabSite } from '../site/site.js'
import { type Checks } from './scenario.js'

export interface PointBench {
  readonly site: LabSite
  readonly checks: Checks
  readonly job: JobView
}

/**
 * So many points can be used, and each of `read`, exported, is byte for byte what its source was when it was frozen: the newest,
 * the oldest, and some between them.
 */
export async function proveUsable(
  bench: PointBench,
  what: string,
  count: number,
  read = count,
): Promise<void> {
  const { site, job, checks } = bench
  const usable = (await site.points.list(job.id)).items.filter(point => point.isUsable)
  checks.equal(`${what}: usable points`, usable.length, count)
  const wrong: string[] = []
  const step = Math.max(1, (usable.length - 1) / Math.max(1, read - 1))
  for (let at = 0; Math.round(at) < usable.length; at += step) {
    const point = usable[Math.round(at)]
    if (point === undefined) continue
    const opened = await site.points.open(point.id)
    wrong.push(...(await differences(site, point, opened)))
    await site.points.close(opened.id)
  }
  checks.equal(`${what}: points that are not what their source was`, wrong, [])
}

export async function exportIs(
  { site, checks }: PointBench,
  point: PointView,
  opened: OpenedPointView,
  what: string,
): Promise<void> {
  checks.equal(`${what}: differences`, await differences(site, point, opened), [])
}

/** The volumes themselves hold the point. */
export async function volumesAre(
  { site, checks }: PointBench,
  point: PointView,
  what: string,
): Promise<void> {
  for (const disk of point.disks) {
    const volume = site.cloudstack.volumePath(disk.volumeId)
    const { identical, found } = await compareImages(
      imageOf(site, point, disk.diskKey),
      volume,
      BigInt(disk.sizeBytes),
    )
    checks.that(`${what}, ${disk.label}: identical`, identical, identical ? 'cmp and qemu-img agree' : found)
  }
}

async function differences(
  site: LabSite,
  point: PointView,
  opened: OpenedPointView,
): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const { diskKey, socket, exportName } of opened.disks) {
    const wanted = await digestOf(createReadStream(imageOf(site, point, diskKey)))
    const uri = `nbd+unix:///${exportName}?socket=${socket}`
    const reader = spawn('/usr/bin/nbdcopy', [uri, '-'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(reader, 'close')
    const found = await digestOf(reader.stdout)
    await ended
    if (reader.exitCode !== 0 || found !== wanted) wrong.push(`pass ${point.passNumber}, disk ${diskKey}`)
  }
  if (opened.disks.length !== point.disks.length) wrong.push(`pass ${point.passNumber}: a disk is missing`)
  return wrong
}

/** As the simulator kept the frozen disk. */
const imageOf = (site: LabSite, point: PointView, diskKey: string): string =>
  join(site.archiveDir, `ossea-pass-${point.passId}`, `${diskKey}.img`)

async function digestOf(bytes: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of bytes) hash.update(part as Buffer)
  return hash.digest('hex')
}
