import { mkdir, rm } from 'node:fs/promises'
import { workerProtocol } from '../api/worker-version.js'
import { type VmaConfig } from '../config/schema.js'
import { readVcenterCredentials } from '../config/read.js'
import { usualDisksAtOnce } from '../domain/pace.js'
import { type Logger } from '../log/logger.js'
import { budgetedReaders } from '../source/budgeted-readers.js'
import { chosenReaders } from '../source/chosen-readers.js'
import { DatastoreFloor } from '../source/datastore-floor.js'
import { DiskBudget } from '../source/disk-budget.js'
import { folderReaders } from '../source/folder-readers.js'
import { LiveLimits } from '../source/live-limits.js'
import { RateGovernor } from '../source/rate-governor.js'
import { InventoryScan } from '../source/inventory-scan.js'
import { omaLink } from '../source/oma-link.js'
import { runTask } from '../source/run-task.js'
import { vddkLibrary } from '../source/vddk-library.js'
import { vddkReaders } from '../source/vddk-readers.js'
import { Worker } from '../source/worker.js'
import { openVsphere } from '../vsphere/vsphere.js'
import { monotonicMs, pause, wallClock } from './clock.js'
import { type Role } from './role.js'
import { Periodic } from './periodic.js'
import { productVersion } from './version.js'

/** Each slot works for one VM, and each holds one wait for work or one task with its heartbeats. */
const slots = 4

/** The timetable, changed limits and the free space of datastores are looked at so often. */
const limitsLookMs = 2_000
const floorLookMs = 20_000

/** The VMA: listens nowhere, keeps nothing, works for one OMA. */
export async function startVma(config: VmaConfig, logger: Logger): Promise<Role> {
  await rm(config.runtime_dir, { recursive: true, force: true })
  await mkdir(config.runtime_dir, { recursive: true, mode: 0o700 })
  const credentials = () => readVcenterCredentials(config.vcenter.credentials_file)
  const url = new URL(config.vcenter.url)
  const vsphere = openVsphere({
    url: config.vcenter.url,
    thumbprintSha256: config.vcenter.thumbprint_sha256,
    credentials,
    logger,
    pause,
  })
  const limits = await LiveLimits.open(config.limits_file, logger)
  const rates = new RateGovernor({ limits: () => limits.current, now: wallClock })
  const watch = new Periodic({
    work: async () => {
      await limits.look()
      rates.look()
    },
    first: 'at-once',
    intervalMs: limitsLookMs,
    onFailure: error => logger.error({ err: error }, 'the limits could not be applied'),
  })
  const floorBytes = () => limits.current.datastoreFloorBytes
  const floor = new DatastoreFloor({ vsphere, floorBytes, lookMs: floorLookMs, pause, logger })
  const place =
    config.vddk === undefined
      ? undefined
      : { nbdkitPath: config.nbdkit, plugin: config.vddk.plugin, libraryDir: config.vddk.library_dir }
  const vddk = vddkLibrary(place)
  const shared = { nbdkitPath: config.nbdkit, socketDir: config.runtime_dir, startTimeoutMs: 20_000 }
  const withVddk =
    place === undefined
      ? undefined
      : vddkReaders({
          ...shared,
          ...place,
          host: url.hostname,
          port: url.port === '' ? 443 : Number(url.port),
          credentials,
          thumbprintSha1: vsphere.thumbprintSha1,
        })
  const withoutVddk = folderReaders({ ...shared, vsphere, logger })
  const budget = new DiskBudget(() => limits.current)
  const readers = budgetedReaders(chosenReaders(vddk, withVddk, withoutVddk), budget)
  const link = omaLink(config.oma.worker_socket, 2 * slots + 2, {
    product: productVersion(),
    protocol: workerProtocol,
  })
  const worker = new Worker({
    link,
    workerId: config.worker_id,
    slots,
    rates,
    runTask: (task, context) =>
      runTask({ vsphere, readers, vddk, limits, floor, pause, disksAtOnce: usualDisksAtOnce }, task, context),
    logger,
    nowMs: monotonicMs,
    pause,
  })
  const intervalMs = (config.inventory_seconds ?? 60) * 1000
  const scan = new InventoryScan({ vsphere, link, logger, intervalMs, pause })
  worker.start()
  scan.start()
  watch.start()
  return {
    close: async () => {
      await Promise.all([worker.stop(), scan.stop(), watch.stop()])
      await link.close()
      await vsphere.close()
    },
  }
}
