import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { type SaveConfiguration, type ValidationView } from '../../../agent/api/cloudstack.js'
import { volumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { type SimulatorOptions } from '../../../lab/cloudstack/options.js'
import { listed, startCloud } from '../../lab/cloudstack-fixture.js'
import { startAdministration, type Machine } from './admin-fixture.js'

const gib = 1024n ** 3n
const never = new AbortController().signal
const canary = 'Canary+Secret/1~do*not(show)'
const keyCanary = 'Canary-Api+Key'

async function site(t: Test, options: Partial<SimulatorOptions> = {}, machine?: Machine) {
  const started = await startCloud(t, {
    devices: 'file',
    role: 'user',
    apiKey: keyCanary,
    secretKey: canary,
    ...options,
  })
  const { cloud } = started
  const { id, macAddress } = cloud.site.applianceVm
  const oma = await startAdministration(t, machine ?? { systemUuid: id, macAddress })
  return { ...started, ...oma, raw: started.client }
}

type Site = Awaited<ReturnType<typeof site>>

const server = ({ cloud }: Pick<Site, 'cloud'>) => ({
  address: cloud.url,
  allowPlainHttp: true,
  apiKey: cloud.apiKey,
  secretKey: cloud.secretKey,
})

const choiceOf = ({ ids }: Pick<Site, 'ids'>): SaveConfiguration['choice'] => ({
  zoneId: ids.zone,
  diskOfferingId: ids.customDiskOffering,
  serviceOfferingId: ids.customServiceOffering,
  templateId: ids.template,
  networkId: ids.network,
  applianceVmId: null,
})

const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt
    return 'no error'
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

const first = (started: Site) => ({ ...server(started), expectedRevision: 0, choice: choiceOf(started) })

void t.test('without a configuration every use is named, and tells where to configure', async t => {
  const { client, volumes } = await site(t)
  t.equal(await codeOf(client.cloudstackConfiguration()), 'CLOUDSTACK_NOT_CONFIGURED')
  t.equal(await codeOf(client.validateCloudstack()), 'CLOUDSTACK_NOT_CONFIGURED')
  t.equal(await codeOf(volumes.ensure('x', gib, never)), 'CLOUDSTACK_NOT_CONFIGURED')
})

void t.test('three steps: look, discover by names, choose', async t => {
  const started = await site(t)
  const { client, raw, cloud, ids, volumes, send } = started
  const found = await client.discoverCloudstack(server(started))
  t.match(found, {
    zones: [{ name: 'zone-1' }, { name: 'zone-2' }],
    networks: [{ name: 'production', zoneId: ids.zone }, {}],
    templates: [{ name: 'debian-12', sizeBytes: '2147483648' }, {}],
    diskOfferings: [{ name: 'Custom', isCustomized: true }, { isCustomized: false }, {}],
    applianceVm: { kind: 'found', id: ids.applianceVm, by: 'both' },
    notPermitted: ['listDomains'],
  })
  const { base_url, ...legacy } = {
    base_url: cloud.url,
    allow_plain_http: true,
    api_key: cloud.apiKey,
    secret_key: cloud.secretKey,
  }
  t.same(
    await send('POST', '/api/v1/ossea/discover-resources', { base_url, ...legacy }),
    { status: 200, body: found },
    'the older name',
  )
  const saved = await client.saveCloudstackConfiguration(first(started))
  t.match(saved, { revision: 1, url: cloud.url, choice: { applianceVmId: ids.applianceVm } })
  t.same(await client.cloudstackConfiguration(), saved)
  await volumes.ensure('disk-1', gib, never)
  t.equal((await listed({ client: raw })).length, 1)
})

void t.test('there is one configuration: a change replaces it, two at once leave one', async t => {
  const started = await site(t)
  const { client, db, secretsDir, ids } = started
  const racing = await Promise.all([
    codeOf(client.saveCloudstackConfiguration(first(started))),
    codeOf(client.saveCloudstackConfiguration(first(started))),
  ])
  t.same(racing.toSorted(), ['CLOUDSTACK_CONFIGURATION_CHANGED', 'no error'])
  t.equal((await readdir(secretsDir)).length, 1, 'the loser leaves no key')
  const { address, allowPlainHttp } = server(started)
  const choice = { ...choiceOf(started), diskOfferingId: ids.largeDiskOffering }
  const change = { address, allowPlainHttp, expectedRevision: 1, choice }
  t.match(await client.saveCloudstackConfiguration(change), {
    revision: 2,
    choice: { diskOfferingId: ids.largeDiskOffering },
  })
  t.equal(await codeOf(client.saveCloudstackConfiguration(change)), 'CLOUDSTACK_CONFIGURATION_CHANGED')
  const again = { ...first(started), expectedRevision: 2 }
  const both = [again, again].map(body => codeOf(client.saveCloudstackConfiguration(body)))
  t.same((await Promise.all(both)).toSorted(), ['CLOUDSTACK_CONFIGURATION_CHANGED', 'no error'])
  const names = await readdir(secretsDir)
  t.equal(names.length, 1)
  t.equal((await stat(join(secretsDir, names[0] ?? ''))).mode & 0o777, 0o600)
  t.equal((await stat(secretsDir)).mode & 0o777, 0o700)
  const rows = JSON.stringify(await db('cloudstack_configuration'))
  t.equal((JSON.parse(rows) as unknown[]).length, 1)
  t.notOk(rows.includes(canary) || rows.includes(keyCanary), 'the database has no key')
})

void t.test('nothing is stored that was not tried, and a stored key goes to its own server only', async t => {
  const started = await site(t)
  const { client, db, secretsDir } = started
  const wrong = { ...first(started), secretKey: 'wrong' }
  t.equal(await codeOf(client.saveCloudstackConfiguration(wrong)), 'CLOUDSTACK_REFUSED')
  t.equal(
    await codeOf(client.saveCloudstackConfiguration({ ...first(started), allowPlainHttp: false })),
    'REQUEST_INVALID',
  )
  const { address, allowPlainHttp } = server(started)
  const keyless = { address, allowPlainHttp, expectedRevision: 0, choice: choiceOf(started) }
  t.equal(await codeOf(client.saveCloudstackConfiguration(keyless)), 'REQUEST_INVALID')
  t.same(await db('cloudstack_configuration'), [])
  t.same(await readdir(secretsDir).catch(() => []), [])
  await client.saveCloudstackConfiguration(first(started))
  const other = await startCloud(t, { devices: 'file' })
  const elsewhere = { ...keyless, address: other.cloud.url, expectedRevision: 1 }
  t.equal(await codeOf(client.saveCloudstackConfiguration(elsewhere)), 'REQUEST_INVALID')
  t.same(other.cloud.calls, [])
})

void t.test('a changed configuration counts at the next use, without a restart', async t => {
  const started = await site(t)
  const { client, volumes } = started
  const before = await client.saveCloudstackConfiguration(first(started))
  await volumes.ensure('disk-1', gib, never)
  const other = await startCloud(t, { devices: 'file' })
  const moved = {
    ...server(other),
    expectedRevision: before.revision,
    choice: { ...choiceOf(other), applianceVmId: other.ids.applianceVm },
  }
  await client.saveCloudstackConfiguration(moved)
  await volumes.ensure('disk-1', gib, never)
  t.equal((await listed(other)).length, 1)
})

const finding = ({ findings }: ValidationView, code: string) => findings.find(one => one.code === code)

void t.test('a good site has no error, and what a user may not see is unknown', async t => {
  const started = await site(t)
  const { client, cloud, ids } = started
  await client.saveCloudstackConfiguration(first(started))
  const view = await client.validateCloudstack()
  t.same(
    view.findings.filter(one => one.severity !== 'ok').map(one => [one.code, one.severity]),
    [
      ['TRANSPORT', 'warning'],
      ['POOL_SCOPE', 'unknown'],
      ['DISKS_PER_VM', 'unknown'],
    ],
  )
  t.match(finding(view, 'POOL_SCOPE')?.what, /listStoragePools/)

  cloud.site.applianceVm.vmSnapshots.push({ id: ids.zone, name: 'before-update' })
  cloud.site.applianceVm.account = 'somebody-else'
  cloud.site.resourceLimits.set(2, 1).set(10, 12)
  const choice = {
    ...choiceOf(started),
    zoneId: ids.otherZone,
    diskOfferingId: ids.smallDiskOffering,
    serviceOfferingId: null,
    applianceVmId: ids.applianceVm,
  }
  await client.saveCloudstackConfiguration({ ...first(started), expectedRevision: 1, choice })
  const bad = await client.validateCloudstack()
  for (const [code, what] of [
    ['APPLIANCE_VM_SNAPSHOTS', /before-update/],
    ['APPLIANCE_ACCOUNT', /somebody-else/],
    ['ZONE', /zone-1, chosen is zone-2/],
    ['DISK_OFFERING', /Small has a fixed size/],
    ['NETWORK', /another zone/],
    ['LIMITS', /0 volumes/],
  ] as const) {
    t.match(finding(bad, code), { severity: 'error', what, remedy: String }, code)
  }
  t.match(finding(bad, 'SERVICE_OFFERING'), { severity: 'warning', what: /No service offering/ })
})

void t.test('an administrator sees the rest', async t => {
  const started = await site(t, { role: 'admin', maxDataVolumes: 5 })
  const { client, cloud } = started
  cloud.site.poolScope = 'CLUSTER'
  await client.saveCloudstackConfiguration(first(started))
  const view = await client.validateCloudstack()
  t.match(finding(view, 'POOL_SCOPE'), { severity: 'warning', what: /primary-1 \(CLUSTER\)/ })
  t.match(finding(view, 'DISKS_PER_VM'), { severity: 'warning', what: /0 of at most 5/ })
  cloud.site.poolScope = 'ZONE'
  t.match(finding(await client.validateCloudstack(), 'POOL_SCOPE'), { severity: 'ok' })
})

void t.test('this machine is found by what it is, never by its name', async t => {
  const twin = { id: '11111111-2222-4333-8444-555555555555', macAddress: '1e:00:5a:00:00:77' }
  const vms = [{ name: 'ossea-oma', ...twin }]
  const byMac = await site(t, { vms }, { macAddress: twin.macAddress.toUpperCase() })
  t.match((await byMac.client.discoverCloudstack(server(byMac))).applianceVm, { id: twin.id, by: 'mac' })
  const byUuid = await site(t, { vms }, { systemUuid: twin.id, macAddress: '02:00:00:00:00:01' })
  t.match((await byUuid.client.discoverCloudstack(server(byUuid))).applianceVm, { id: twin.id, by: 'uuid' })
  const nobody = await site(t, { vms }, { macAddress: '02:00:00:00:00:01' })
  t.match((await nobody.client.discoverCloudstack(server(nobody))).applianceVm, { kind: 'not-found' })
  t.equal(await codeOf(nobody.client.saveCloudstackConfiguration(first(nobody))), 'REQUEST_INVALID')
  const copied = await site(t, { vms }, { systemUuid: twin.id, macAddress: '1e:00:5a:00:00:01' })
  t.match((await copied.client.discoverCloudstack(server(copied))).applianceVm, { kind: 'contradiction' })
})

void t.test('a key never shows: not in an answer, an error or a line of the log', async t => {
  const started = await site(t)
  const { client, cloud, send, told, volumes } = started
  await client.saveCloudstackConfiguration(first(started))
  const echo = `bad request apikey=${keyCanary}&secretKey=${canary}&signature=abc%2B= ${encodeURIComponent(canary)}`
  for (const errorCode of [401, 431, 530])
    for (const command of ['listVirtualMachines', 'listVolumes']) {
      cloud.faults.add({ kind: 'fail-call', command, errorCode, errorText: echo, times: 1 })
      await codeOf(client.discoverCloudstack(server(started)))
      const found = volumes.find(volumeId(cloud.ids.zone), never)
      const error: unknown = await found.then(
        () => undefined,
        (cause: unknown) => cause,
      )
      if (error instanceof Error) told.push(inspect(error, { depth: 10 }))
    }
  await client.validateCloudstack()
  const body = JSON.stringify(first(started))
  for (const broken of [
    body.slice(0, -1),
    body.replace('"apiKey":', '"apikey":'),
    `${body}x`,
    `"${canary}"`,
    `{"x":${canary}}`,
  ])
    for (const path of [
      '/v1/cloudstack/discovery',
      '/api/v1/ossea/discover-resources',
      '/api/v1/ossea/config-streamlined',
    ])
      t.equal((await send('POST', path, broken)).status, 400)
  await codeOf(client.discoverCloudstack({ ...server(started), address: `https://${canary}@host` }))
  await codeOf(client.discoverCloudstack({ ...server(started), secretKey: 'x'.repeat(600) }))
  const all = told.join('\n')
  t.match(all, /bad request/, 'the texts did come through')
  for (const secret of [canary, keyCanary, encodeURIComponent(canary), canary.slice(0, 13), 'abc%2B'])
    t.notOk(all.includes(secret), `without ${secret}`)
})
