import { open, readFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { type VolumeOperationView } from '../../agent/api/volumes.js'
import { stateMount } from '../guest/boot.js'
import { type ProbeReport } from '../guest/protocol.js'
import { type GuestDisk, type MachineSpec } from '../guest/qemu.js'
import { serialOf } from '../cloudstack/devices.js'
import { daemonLink } from '../site/daemon-link.js'
import { guestPaths, type LogLine, type OmaGuest } from '../site/oma-guest.js'
import { SeededRandom } from '../site/random.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { operate, volumeOf } from '../site/volume-operations.js'
import { adminOf } from './breakages.js'
import { sagasEnd } from './leftovers.js'
import { type Checks, type Findings, type Scenario, type ScenarioContext } from './scenario.js'

const GIB = 1024n ** 3n
const seed = 5
const attachLimitMs = 120_000
/** For each CPU: what others leave an emulated guest above this load is too little to measure by. */
const busyLoad = 2
/** Attached one after the other, when nothing else happens. */
const aloneCount = 3
const markBytes = 64 * 1024
/** Of the exports opened here; the product has counted past them by then. */
const fence = { opened: '2', older: '1' }

const probePath = join(import.meta.dirname, '../guest/export-probe.js')

interface Stand {
  readonly site: LabSite
  readonly guest: OmaGuest
  readonly checks: Checks
  readonly say: (line: string) => void
  readonly volumes: readonly string[]
}

/** The volume daemon runs in a guest and sees what CloudStack's KVM would give it: hot-plugged disks, told apart by serial. */
export const volumesHotplug: Scenario = {
  name: 'volumes-hotplug',
  title: '12 volumes of one size hot-plugged into a guest at once, and in another order after a reboot',
  run: async context => ({
    virtioBlk: await onBus(context, 'virtio-blk', 12),
    virtioScsi: await onBus(context, 'virtio-scsi', 4),
  }),
}

async function onBus(
  context: ScenarioContext,
  bus: MachineSpec['bus'],
  volumeCount: number,
): Promise<Findings> {
  const { cleanup, say, checks } = context
  say(`=== ${bus}`)
  const random = new SeededRandom(seed)
  const site = await LabSite.start({
    ...{ dir: join(context.dir, bus), cleanup, say, vms: [], writer: null },
    omaGuest: { bus, arranged: disks => shuffled(disks, random) },
  })
  const { guest } = site
  if (guest === null) throw new Error('the appliance is no guest')
  const made = await Promise.all(
    Array.from({ length: volumeCount + aloneCount }, (_, index) =>
      operate(site.volumes, { kind: 'create', sizeBytes: GIB.toString(), label: `${bus}-${index}` }),
    ),
  )
  const stand = { site, guest, checks, say, volumes: made.map(volumeOf) }
  for (const token of [fence.older, fence.opened])
    checks.equal(
      `token ${token} is given out`,
      (await operate(site.volumes, { kind: 'revoke', volumeId: stand.volumes[0] ?? '' })).state,
      'succeeded',
    )
  say(`--- attach ${volumeCount} at once`)
  const together = await attach(stand, stand.volumes.slice(0, volumeCount))
  say('--- attach one')
  const alone: Attached[] = []
  for (const id of stand.volumes.slice(volumeCount)) alone.push(await attach(stand, [id]))
  const toExportMs = alone.flatMap(one => one.toExportMs)
  const load = loadavg()[0] ?? 0
  const found = `${spread(toExportMs)} at a load of ${load.toFixed(1)}`
  if (load <= busyLoad * availableParallelism())
    checks.that('from a disk to its export in under 2 s', Math.min(...toExportMs) < 2000, found)
  else say(`     from a disk to its export: ${found}; on a machine this busy that says nothing`)
  await proveContent(
    stand,
    [together, ...alone].flatMap(({ reports }) => reports),
    1,
  )
  const before = await proveNames(stand)
  await reboot(stand)
  const after = await proveNames(stand)
  checks.that(
    'the order of devices is another one',
    stand.volumes.some(id => before.get(id) !== after.get(id)),
    `${[...after.values()].join(' ')} after ${[...before.values()].join(' ')}`,
  )
  const quiet = await exportsAfterReboot(stand)
  await detachAll(stand)
  return { together: together.figures, alone: alone.map(({ figures }) => figures), exportsAfterReboot: quiet }
}

function shuffled(disks: readonly GuestDisk[], random: SeededRandom): readonly GuestDisk[] {
  const left = [...disks]
  return disks.map(() => left.splice(random.below(left.length), 1)[0]).filter(disk => disk !== undefined)
}

const codeOf = ({ state, failure }: VolumeOperationView): string => failure?.code ?? state

type Attached = Awaited<ReturnType<typeof attach>>

/** A watcher in the guest asks for each export as soon as udev has linked the disk. */
async function attach({ site, guest, checks, say }: Stand, volumes: readonly string[]) {
  const name = `probe-${serialOf(volumes[0] ?? '')}.log`
  const argv = [guestPaths.volumedSocket, guestPaths.byIdDir, fence.opened, ...volumes.map(serialOf)]
  await guest.control.start([process.execPath, probePath, ...argv], join(stateMount, name))
  const reports = (count: number) =>
    until(
      `the watcher in the guest reports ${count} times`,
      async () => {
        const text = await readFile(join(guest.stateDir, name), 'utf8')
        const lines = text.split('\n').slice(0, -1)
        return lines.length > count ? lines.slice(1) : undefined
      },
      attachLimitMs,
    )
  await reports(0)
  const startedMs = performance.now()
  const operations = await Promise.all(
    volumes.map(volumeId => operate(site.volumes, { kind: 'attach', volumeId })),
  )
  const wallMs = performance.now() - startedMs
  checks.equal('all are attached', [...new Set(operations.map(codeOf))], ['succeeded'])
  const seen = (await reports(volumes.length)).map(line => JSON.parse(line) as ProbeReport)
  const exported = seen.map(({ serial }) => serial).sort()
  checks.equal('each has an export', exported, volumes.map(serialOf).sort())
  const toExportMs = seen.map(({ diskAt, exportAt }) => exportAt - diskAt)
  const figures = {
    wallMs: Math.round(wallMs),
    diskToLinkMs: spread(seen.map(({ diskAt, linkAt }) => linkAt - diskAt)),
    diskToExportMs: spread(toExportMs),
    ...daemonTimes(await guest.daemonLog(), volumes),
  }
  say(JSON.stringify(figures))
  return { reports: seen, toExportMs, figures }
}

/** Least, middle and most, in ms. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] ?? NaN).toFixed(1)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

/** As the daemon measured them itself, of the newest export of each volume. */
function daemonTimes(log: readonly LogLine[], volumes: readonly string[]) {
  const newest = volumes.map(id =>
    log.findLast(line => line.msg === 'volume exported' && line.serial === serialOf(id)),
  )
  return {
    proofMs: spread(newest.map(line => line?.proofMs ?? NaN)),
    serverMs: spread(newest.map(line => line?.serverMs ?? NaN)),
  }
}

/** What is written through the export of a volume is in that volume's file, and in no other. */
async function proveContent(stand: Stand, exports: readonly ProbeReport[], round: number): Promise<void> {
  const { site, guest, checks, volumes } = stand
  const mark = (index: number): number => round * 32 + index
  const wrong: string[] = []
  const daemon = daemonLink(site.product.volumedSocket)
  for (const [index, id] of volumes.entries()) {
    const opened = exports.find(({ serial }) => serial === serialOf(id))
    if (opened === undefined) throw new Error(`volume ${id} has no export`)
    const uri = `nbd+unix:///${opened.exportName}?socket=${opened.socket}`
    const write = `write -P ${mark(index)} ${round * markBytes} ${markBytes}`
    await guest.control.run(['/usr/bin/qemu-io', '-f', 'raw', '-c', write, '-c', 'flush', uri])
    const closed = await daemon.close(id, fence.opened)
    if (closed !== 'closed') wrong.push(`${id}: ${closed}`)
  }
  for (const [index, id] of volumes.entries())
    if (!(await holds(site.cloudstack.volumePath(id), round * markBytes, mark(index))))
      wrong.push(`${id} has other bytes`)
  await daemon.disconnect()
  checks.equal(`every volume has what was written to it, round ${round}`, wrong, [])
}

async function holds(path: string, offset: number, byte: number): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(markBytes), 0, markBytes, offset)
    return bytesRead === markBytes && buffer.every(found => found === byte)
  } finally {
    await file.close()
  }
}

/** Which device each volume is, by volume. */
async function proveNames({
  site,
  guest,
  checks,
  say,
  volumes,
}: Stand): Promise<ReadonlyMap<string, string>> {
  const devices = new Map<string, string>()
  const wrong: string[] = []
  const names = await guest.control.run(['/usr/bin/find', guestPaths.namesDir, '-printf', '%f %l\\n'])
  const serials = await guest.control.run(['/bin/lsblk', '-dno', 'PATH,SERIAL'])
  for (const id of volumes) {
    const { name, path } = await site.volumes.device(id)
    const isNamed = names.split('\n').includes(`vol${serialOf(id)} ${path}`)
    const isRight = serials.split('\n').some(line => line.trim() === `${path} ${serialOf(id)}`)
    if (name !== `vol${serialOf(id)}` || !isNamed || !isRight) wrong.push(`${name} at ${path}`)
    devices.set(id, path)
  }
  if (wrong.length > 0) say(`${names}${serials}`)
  checks.equal('every name leads to the disk with the right serial', wrong, [])
  checks.equal('no two are the same', new Set(devices.values()).size, volumes.length)
  return devices
}

async function reboot({ site, checks, say, volumes }: Stand): Promise<void> {
  say('--- the appliance is stopped and started')
  const { applianceVm } = site.cloudstack.ids
  await adminOf(site).stopVm(applianceVm)
  const off = await site.volumes.status(volumes[0] ?? '')
  checks.equal('while it is off, its devices are unknown', off.device.kind, 'unknown')
  const startedMs = performance.now()
  await adminOf(site).startVm(applianceVm)
  say(`up again after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  checks.equal('no export outlived the boot', await site.volumes.exports(), [])
}

/** One at a time, on a machine that does nothing else. */
async function exportsAfterReboot(stand: Stand): Promise<Findings> {
  const { site, guest, checks, volumes } = stand
  const daemon = daemonLink(site.product.volumedSocket)
  const refused = await daemon.open(volumes[0] ?? '', fence.older)
  checks.equal('a token from before the boot is refused', refused, 'VOLUME_FENCED')
  const opened: ProbeReport[] = []
  const openMs: number[] = []
  for (const id of volumes) {
    const startedMs = performance.now()
    const answer = await daemon.open(id, fence.opened)
    openMs.push(performance.now() - startedMs)
    if (typeof answer === 'string') throw new Error(`${id}: ${answer}`)
    const { socket, exportName } = answer
    opened.push({ serial: serialOf(id), diskAt: 0, linkAt: 0, exportAt: 0, socket, exportName })
  }
  await daemon.disconnect()
  const figures = { openMs: spread(openMs), ...daemonTimes(await guest.daemonLog(), volumes) }
  stand.say(JSON.stringify(figures))
  await proveContent(stand, opened, 2)
  return figures
}

async function detachAll({ site, guest, checks, say, volumes }: Stand): Promise<void> {
  say('--- detach and delete, all at once')
  const gone = await Promise.all(volumes.map(volumeId => operate(site.volumes, { kind: 'delete', volumeId })))
  checks.equal('all are deleted', [...new Set(gone.map(codeOf))], ['succeeded'])
  await site.volumes.sync()
  const left = (await guest.control.run(['/usr/bin/find', '/dev', '-type', 'l', '-printf', '%f\\n'])).split(
    '\n',
  )
  checks.equal(
    'the guest has no disk and no name of them',
    left.filter(name => volumes.some(id => name.endsWith(serialOf(id)))),
    [],
  )
  checks.equal('no export is left', await site.volumes.exports(), [])
  checks.equal('every saga ends', await sagasEnd(site), true)
}
