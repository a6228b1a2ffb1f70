import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { CloudstackApi } from '../../../agent/cloudstack/api.js'
import { CloudstackVolumes } from '../../../agent/cloudstack/volumes.js'
import { volumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { type FaultRule } from '../../../lab/cloudstack/faults.js'
import { listed, startCloud } from '../../lab/cloudstack-fixture.js'

const gib = 1024n ** 3n
const never = new AbortController().signal

async function site(t: Test) {
  const started = await startCloud(t, { devices: 'file' })
  const { cloud, ids } = started
  const api = new CloudstackApi({
    url: cloud.url,
    credentials: () => Promise.resolve({ apiKey: cloud.apiKey, secretKey: cloud.secretKey }),
    timeoutMs: 2000,
    jobPollMs: 1,
    now: () => new Date(),
    pause: delayMs => new Promise(resolve => setTimeout(resolve, delayMs)),
  })
  const volumes = new CloudstackVolumes(api, {
    zoneId: ids.zone,
    applianceVmId: ids.applianceVm,
    diskOfferingId: ids.customDiskOffering,
  })
  return { ...started, volumes, api }
}

/** As a saga does: an unknown outcome is settled by doing the repeatable step again. */
async function settled<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CLOUDSTACK_UNREACHABLE') throw error
    return step()
  }
}

void t.test('a volume is made once, attached once and removed without a trace', async t => {
  const { volumes, cloud, ...started } = await site(t)
  const made = await volumes.ensure("disk +~*'ü", gib + 1n, never)
  t.equal(made.sizeBytes, 2n * gib)
  t.same(await volumes.ensure("disk +~*'ü", gib + 1n, never), made)
  await volumes.ensureAttached(made.id, never)
  await volumes.ensureAttached(made.id, never)
  t.ok(existsSync(cloud.linkPath(made.id)))
  t.match(await volumes.find(made.id, never), { vmId: cloud.ids.applianceVm })
  await volumes.remove(made.id, never)
  await volumes.remove(made.id, never)
  t.equal(await volumes.find(made.id, never), undefined)
  t.same(await listed(started), [])
  t.notOk(existsSync(cloud.linkPath(made.id)))
  t.same(
    cloud.calls.filter(call => call.errorText !== null),
    [],
    'nothing it sent was refused',
  )
  t.same(cloud.bugs, [])
})

const losses: readonly (readonly [string, FaultRule])[] = [
  'createVolume',
  'attachVolume',
  'detachVolume',
  'deleteVolume',
  'queryAsyncJobResult',
  'listVolumes',
].flatMap(command => [
  [`${command} cut before`, { kind: 'cut-connection', command, after: false, times: 1 }] as const,
  [`${command} cut after`, { kind: 'cut-connection', command, after: true, times: 1 }] as const,
  [
    `${command} lost by a proxy`,
    { kind: 'proxy-answer', command, status: 504, after: true, times: 1 },
  ] as const,
])

for (const [what, rule] of losses) {
  void t.test(`${what}: settled by looking, nothing twice, nothing left`, async t => {
    const { volumes, cloud, ...started } = await site(t)
    cloud.faults.add(rule)
    const { id } = await settled(() => volumes.ensure('disk-1', gib, never))
    t.equal((await listed(started)).length, 1)
    await settled(() => volumes.ensureAttached(id, never))
    t.match(await listed(started), [{ id, virtualmachineid: cloud.ids.applianceVm }])
    t.ok(existsSync(cloud.linkPath(id)))
    await settled(() => volumes.remove(id, never))
    t.same(await listed(started), [])
    t.notOk(existsSync(cloud.linkPath(id)))
    const creations = cloud.calls.filter(call => call.command === 'createVolume' && call.status === 200)
    t.equal(creations.length, 1)
  })
}

void t.test(
  'a volume twice under one name is refused, a refused key and a broken answer are named',
  async t => {
    const { volumes, cloud } = await site(t)
    cloud.faults.add({ kind: 'duplicate-job', command: 'createVolume', times: 1 })
    await t.rejects(volumes.ensure('twin', gib, never), {
      code: 'CLOUDSTACK_FAULT',
      message: /2 volumes named/,
    })
    cloud.faults.add({ kind: 'refuse-key', times: 1 })
    await t.rejects(volumes.findByName('x', never), { code: 'CLOUDSTACK_REFUSED' })
    cloud.faults.add({ kind: 'truncated-answer', times: 1 })
    await t.rejects(volumes.findByName('twin', never), { code: 'CLOUDSTACK_PROTOCOL' })
    cloud.faults.add({ kind: 'proxy-answer', status: 429, after: false, times: 1 })
    await t.rejects(volumes.findByName('twin', never), { code: 'CLOUDSTACK_UNREACHABLE' })
  },
)

void t.test(
  'a volume grows to whole GiB, never shrinks, and is told apart from one that is not there',
  async t => {
    const { volumes } = await site(t)
    const { id } = await volumes.ensure('grows', gib, never)
    await volumes.ensureAttached(id, never)
    await volumes.grow(id, gib + 512n, never)
    await volumes.grow(id, 5n, never)
    t.equal((await volumes.find(id, never))?.sizeBytes, 2n * gib)
    await t.rejects(volumes.grow(volumeId('11111111-2222-4333-8444-555555555555'), gib, never), {
      code: 'VOLUME_UNKNOWN',
    })
  },
)
