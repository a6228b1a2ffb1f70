import { randomUUID } from 'node:crypto'
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type VolumeOperationView } from '../../agent/api/volumes.js'
import { type VmSpec as CloudVmSpec } from '../cloudstack/options.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { ended, operate, volumeOf } from '../site/volume-operations.js'
import { adminOf } from './breakages.js'
import { sagasEnd } from './leftovers.js'
import { type Checks, type Scenario } from './scenario.js'

const GIB = 1024n ** 3n
const volumeCount = 12

const standby: CloudVmSpec = { name: 'standby', power: 'off' }
const testRun: CloudVmSpec = { name: 'test-run' }

interface Stand {
  readonly site: LabSite
  readonly checks: Checks
  readonly say: (line: string) => void
}

/** Every operation on volumes, once as it should go and once interrupted, refused or undone by somebody else. */
export const volumesLifecycle: Scenario = {
  name: 'volumes-lifecycle',
  title: '12 volumes made, attached, moved, taken back and deleted, with the OMA and the daemon killed',
  run: async ({ dir, cleanup, say, checks }) => {
    const targetVms = [standby, testRun]
    const site = await LabSite.start({ dir, cleanup, say, vms: [], writer: null, targetVms })
    const stand = { site, checks, say }
    const volumes = await createAll(stand)
    const attachSeconds = await attachAll(stand, volumes)
    await keysDecide(stand)
    await killedOma(stand, volumes[0] ?? '')
    await killedDaemon(stand, volumes[1] ?? '')
    await otherVms(stand, volumes[2] ?? '')
    await foreignVolumes(stand)
    await drift(stand, volumes[3] ?? '')
    await deleteAll(stand, volumes)
    await proveNoVolumesLeft(stand)
    return { volumes: volumeCount, attachSeconds }
  },
}

const codeOf = (operation: VolumeOperationView): string => operation.failure?.code ?? operation.state

async function createAll({ site, checks, say }: Stand): Promise<readonly string[]> {
  say('--- create')
  const made = await Promise.all(
    Array.from({ length: volumeCount }, (_, index) =>
      operate(site.volumes, { kind: 'create', sizeBytes: (GIB - 1n).toString(), label: `disk-${index}` }),
    ),
  )
  checks.equal('all are made', [...new Set(made.map(codeOf))], ['succeeded'])
  const ids = made.map(volumeOf)
  checks.equal('each is a volume of its own', new Set(ids).size, volumeCount)
  const sizes = ids.map(id => site.cloudstack.site.volumes.get(id)?.sizeBytes)
  checks.equal('sizes are rounded up to whole GiB', [...new Set(sizes)], [Number(GIB)])
  return ids
}

async function attachAll({ site, checks, say }: Stand, ids: readonly string[]): Promise<readonly number[]> {
  say('--- attach, all at once')
  const attached = await Promise.all(ids.map(id => operate(site.volumes, { kind: 'attach', volumeId: id })))
  checks.equal('all are attached', [...new Set(attached.map(codeOf))], ['succeeded'])
  const found = []
  for (const id of ids) {
    const device = await site.volumes.device(id)
    const shown = await site.volumes.ofDevice(device.name)
    const linked = await readlink(join(site.product.namesDir, device.name))
    const truth = await readlink(site.cloudstack.linkPath(id))
    found.push(shown.id === id && device.path === truth && linked === truth)
  }
  checks.equal('device by volume, volume by device and name agree with the cloud', new Set(found).size, 1)
  checks.equal('they agree', found[0], true)
  const { applianceVm } = site.cloudstack.ids
  const here = (await site.volumes.ofVm(applianceVm)).map(volume => volume.id)
  checks.equal(
    'the VM has them all',
    ids.filter(id => !here.includes(id)),
    [],
  )
  const again = await operate(site.volumes, { kind: 'attach', volumeId: ids[0] ?? '' })
  checks.equal('attached is attached', codeOf(again), 'succeeded')
  return attached.map(secondsOf)
}

const secondsOf = ({ startedAt, endedAt }: VolumeOperationView): number =>
  startedAt === null || endedAt === null ? -1 : (Date.parse(endedAt) - Date.parse(startedAt)) / 1000

async function keysDecide({ site, checks, say }: Stand): Promise<void> {
  say('--- the same key is the same request')
  const request = { kind: 'create', sizeBytes: GIB.toString(), idempotencyKey: randomUUID() } as const
  const answers = await Promise.all([1, 2, 3, 4].map(() => site.volumes.operate(request)))
  checks.equal('four requests are one operation', new Set(answers.map(({ id }) => id)).size, 1)
  const one = await ended(site.volumes, answers[0]?.id ?? '')
  const calls = site.cloudstack.calls.filter(call => call.command === 'createVolume')
  checks.equal('and one more volume', calls.length, volumeCount + 1)
  const other = await site.volumes
    .operate({ ...request, sizeBytes: (2n * GIB).toString() })
    .then(() => 'accepted', errorCode)
  checks.equal('another request under that key is refused', other, 'IDEMPOTENCY_KEY_REUSED')
  const gone = await operate(site.volumes, { kind: 'delete', volumeId: volumeOf(one) })
  checks.equal('a detached volume is deleted', codeOf(gone), 'succeeded')
}

async function killedOma({ site, checks, say }: Stand, id: string): Promise<void> {
  say('--- the OMA is killed while CloudStack detaches')
  const before = sent(site, 'detachVolume', id)
  const release = site.cloudstack.faults.add({ kind: 'hold-job', command: 'detachVolume' })
  const operation = await site.volumes.operate({
    kind: 'detach',
    volumeId: id,
    idempotencyKey: randomUUID(),
  })
  await until(
    'detachVolume is sent',
    () => Promise.resolve(sent(site, 'detachVolume', id) > before || undefined),
    30_000,
  )
  await until(
    'its job is recorded',
    async () => {
      const rows = await site.mariadb.query(
        `SELECT job_id FROM ossea.cloudstack_jobs WHERE command = 'detachVolume' AND state = 'waiting'`,
      )
      return rows.length > 0 ? true : undefined
    },
    30_000,
  )
  await site.product.kill('oma')
  await site.product.start('oma')
  await site.answers()
  release()
  checks.equal('the operation goes on', codeOf(await ended(site.volumes, operation.id)), 'succeeded')
  checks.equal('the command was sent once', sent(site, 'detachVolume', id) - before, 1)
  checks.equal('it is detached', (await site.volumes.status(id)).drift, [])
}

async function killedDaemon({ site, checks, say }: Stand, id: string): Promise<void> {
  say('--- the volume daemon is away')
  await site.product.kill('volumed')
  const operation = await site.volumes.operate({
    kind: 'detach',
    volumeId: id,
    idempotencyKey: randomUUID(),
  })
  await until(
    'the operation wants its export ended',
    async () => {
      const rows = await site.mariadb.query(
        `SELECT e.seq FROM ossea.saga_events e JOIN ossea.volume_operations o USING (saga_id)
          WHERE o.id = '${operation.id}' AND e.step = 'revoke-export'`,
      )
      return rows.length > 0 ? true : undefined
    },
    30_000,
  )
  const status = await site.volumes.status(id)
  checks.equal('what it would know is unknown', status.device.kind, 'unknown')
  checks.equal('nothing was detached without it', sent(site, 'detachVolume', id), 0)
  await site.product.start('volumed')
  checks.equal('the operation goes on', codeOf(await ended(site.volumes, operation.id)), 'succeeded')
}

async function otherVms({ site, checks, say }: Stand, id: string): Promise<void> {
  say('--- other VMs')
  const [off, running] = [standby, testRun].map(({ name }) => vmNamed(site, name))
  if (off === undefined || running === undefined) throw new Error('the VMs are missing')
  const busy = await operate(site.volumes, { kind: 'attach-root', volumeId: id, vmId: off.id })
  checks.equal('a volume that is attached is not taken away', codeOf(busy), 'VOLUME_BUSY')
  await operate(site.volumes, { kind: 'detach', volumeId: id })
  // The simulated VM came with a root disk of its own, which a failover would have removed.
  const root = site.cloudstack.site.volumesOf(off).find(volume => volume.type === 'ROOT')
  if (root !== undefined) site.cloudstack.site.remove(root)
  const asRoot = await operate(site.volumes, { kind: 'attach-root', volumeId: id, vmId: off.id })
  checks.equal('attached as root', codeOf(asRoot), 'succeeded')
  checks.equal('it is disk 0', site.cloudstack.site.volumes.get(id)?.deviceId, 0)
  checks.equal('and has no device here', (await site.volumes.status(id)).device, {
    kind: 'seen',
    value: null,
  })
  const wrong = await operate(site.volumes, { kind: 'detach', volumeId: id })
  checks.equal('another VM keeps it', codeOf(wrong), 'VOLUME_BUSY')
  const taken = await operate(site.volumes, { kind: 'detach', volumeId: id, vmId: off.id })
  checks.equal('detached from the VM that has it', codeOf(taken), 'succeeded')
  await operate(site.volumes, { kind: 'attach', volumeId: id, vmId: running.id })
  const refused = await operate(site.volumes, { kind: 'clean-up', volumeId: id, vmId: running.id })
  checks.equal('a VM that is not ours is not stopped', codeOf(refused), 'TARGET_VM_NOT_OURS')
  running.tags.set('ossea-migrate', await installationOf(site))
  const cleaned = await operate(site.volumes, { kind: 'clean-up', volumeId: id, vmId: running.id })
  checks.equal('ours is cleaned up', [codeOf(cleaned), running.state], ['succeeded', 'Stopped'])
  checks.equal('the volume is back here', (await site.volumes.device(id)).path, cleaned.devicePath)
}

/** What the product puts on everything it makes. */
export async function installationOf(site: LabSite): Promise<string> {
  const [id] = await site.mariadb.query('SELECT uuid FROM ossea.installation')
  if (id === undefined) throw new Error('the installation has no id')
  return id
}

const vmNamed = (site: LabSite, name: string) =>
  [...site.cloudstack.site.vms.values()].find(vm => vm.name === name)

async function foreignVolumes({ site, checks, say }: Stand): Promise<void> {
  say('--- volumes of others')
  const { zone, customDiskOffering, applianceVm } = site.cloudstack.ids
  const admin = adminOf(site)
  const id = await admin.createVolume({
    name: 'payroll',
    sizeGib: 1,
    zoneId: zone,
    diskOfferingId: customDiskOffering,
  })
  await admin.attachVolume(id, applianceVm)
  for (const kind of ['attach', 'detach', 'delete'] as const)
    checks.equal(
      `${kind} is refused`,
      codeOf(await operate(site.volumes, { kind, volumeId: id })),
      'VOLUME_NOT_OURS',
    )
  checks.equal('it is where it was', site.cloudstack.site.volumes.get(id)?.vm?.id, applianceVm)
  await admin.detachVolume(id)
}

async function drift({ site, checks, say }: Stand, id: string): Promise<void> {
  say('--- an administrator detaches a volume')
  await adminOf(site).detachVolume(id)
  const { applianceVm } = site.cloudstack.ids
  const told = `it is recorded as attached to VM ${applianceVm}, and is detached`
  checks.equal('the difference is told', (await site.volumes.status(id)).drift, [told])
  const { findings } = await site.volumes.sync()
  checks.equal(
    'and listed',
    findings.map(({ kind, subject }) => [kind, subject]),
    [['moved-volume', id]],
  )
}

async function deleteAll({ site, checks, say }: Stand, ids: readonly string[]): Promise<void> {
  say('--- delete, attached or not')
  const deleted = await Promise.all(ids.map(id => operate(site.volumes, { kind: 'delete', volumeId: id })))
  checks.equal('all are deleted', [...new Set(deleted.map(codeOf))], ['succeeded'])
  const again = await operate(site.volumes, { kind: 'delete', volumeId: ids[0] ?? '' })
  checks.equal('gone is gone', codeOf(again), 'succeeded')
}

/** What is not ours stays; of ours nothing does. */
export async function proveNoVolumesLeft({ site, checks }: Pick<Stand, 'site' | 'checks'>): Promise<void> {
  const left = [...site.cloudstack.site.volumes.values()].filter(
    ({ name, tags, isUnmade }) => !isUnmade && (tags.has('ossea-migrate') || name.startsWith('ossea-')),
  )
  checks.equal(
    'no volume of ours is left',
    left.map(({ name, state }) => `${name} ${state}`),
    [],
  )
  const recorded = await site.mariadb.query('SELECT id FROM ossea.volumes')
  checks.equal('none is recorded', recorded, [])
  checks.equal('every saga ends', await sagasEnd(site), true)
  await site.volumes.sync()
  const here = site.cloudstack.site.volumesOf(site.cloudstack.site.applianceVm)
  const foreign = here.map(({ id }) => `vol${id.replaceAll('-', '').slice(0, 20)}`)
  const all = await readdir(site.product.namesDir)
  const names = all.filter(name => name.startsWith('vol') && !foreign.includes(name))
  checks.equal('no persistent name leads to what is gone', names, [])
  checks.equal('no export is left', await site.volumes.exports(), [])
}

const sent = (site: LabSite, command: string, volume: string): number =>
  site.cloudstack.calls.filter(call => call.command === command && call.parameters['id'] === volume).length

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
