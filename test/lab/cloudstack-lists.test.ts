import t from 'tap'
import { listed, makeVolume, startCloud } from './cloudstack-fixture.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/

void t.test('every list command finds what is there, typed as published', async t => {
  const { client, ids } = await startCloud(t, { devices: 'file', vms: [{ name: 'web-01', power: 'off' }] })
  t.match(await client.call('listZones', { id: ids.zone }), {
    count: 1,
    zone: [{ id: ids.zone, name: 'zone-1', securitygroupsenabled: false, networktype: 'Advanced' }],
  })
  t.match(await client.call('listDiskOfferings', { id: ids.customDiskOffering }), {
    count: 1,
    diskoffering: [{ id: uuid, iscustomized: true, disksize: 0, created: date }],
  })
  t.match(await client.call('listDiskOfferings', { name: 'small' }), {
    count: 1,
    diskoffering: [{ disksize: 5 }],
  })
  t.match(await client.call('listServiceOfferings'), {
    count: 3,
    serviceoffering: [{ cpunumber: 1, memory: 512 }],
  })
  t.match(await client.call('listTemplates', { templatefilter: 'executable', zoneid: ids.zone }), {
    count: 1,
    template: [{ id: ids.template, isready: true, size: Number, ostypeid: uuid }],
  })
  t.match(await client.call('listNetworks', { zoneid: ids.zone }), {
    count: 2,
    network: [{ id: ids.network }, { id: ids.isolatedNetwork }],
  })
  t.match(await client.call('listAccounts'), { count: 1, account: [{ id: ids.account, accounttype: 1 }] })
  t.match(await client.call('listDomains'), {
    count: 1,
    domain: [{ id: ids.domain, level: 0, haschild: false }],
  })
  t.match(await client.call('listCapabilities'), { capability: { cloudstackversion: String } })
  const vms = await client.call('listVirtualMachines', { name: 'OMA', state: 'running' })
  t.match(vms, {
    count: 1,
    virtualmachine: [
      {
        id: ids.applianceVm,
        state: 'Running',
        hypervisor: 'KVM',
        created: date,
        nic: [{ macaddress: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, isdefault: true, networkid: ids.network }],
      },
    ],
  })
  t.same(await client.call('listVirtualMachines', { state: 'Destroyed' }), {}, 'nothing is an empty object')
  const apis = await client.call('listApis')
  t.match(apis['api'], [
    { name: 'listVolumes', isasync: false, params: [{ name: 'id', type: 'uuid', required: false }] },
  ])
  t.match(await client.call('listApis', { name: 'attachVolume' }), { count: 1, api: [{ isasync: true }] })
  t.equal((await client.send('listApis', { name: 'migrateVirtualMachine' })).status, 530)
  for (const command of ['listApis', 'listZones', 'listCapabilities'])
    t.equal((await client.send(command, { listall: 'true' })).status, 200, 'listall goes with every list')
  t.match(await client.call('listVolumes', { projectid: '-1' }), { count: Number })
})

void t.test('volumes are filtered and paged', async t => {
  const started = await startCloud(t, { devices: 'file' })
  const { client, ids } = started
  const made: string[] = []
  for (const name of ['a-1', 'a-2', 'b-1', 'b-2', 'b-3']) made.push(await makeVolume(started, name))
  const names = async (filter: Record<string, string>) => (await listed(started, filter)).map(v => v['name'])
  t.match((await listed(started, { name: 'a-1' }))[0], {
    id: made[0],
    state: 'Allocated',
    size: 1024 ** 3,
    zoneid: ids.zone,
    created: date,
    destroyed: false,
    tags: [],
    hypervisor: 'None',
  })
  t.notOk(
    'storage' in ((await listed(started, { name: 'a-1' }))[0] ?? {}),
    'on no pool before it is attached',
  )
  t.same(await names({ name: 'A-2' }), ['a-2'], 'exactly this name, in any case')
  t.same(await names({ name: 'a' }), [])
  t.same(await names({ keyword: 'b-' }), ['b-1', 'b-2', 'b-3'])
  t.same(await names({ ids: `${made[4]},${made[0]}` }), ['a-1', 'b-3'])
  t.same(await names({ zoneid: ids.otherZone }), [])
  t.same(await names({ virtualmachineid: ids.applianceVm }), [])
  t.same(await names({ state: 'Ready' }), [])
  const page = (page: number, pagesize: number) =>
    client.call('listVolumes', { type: 'DATADISK', page: String(page), pagesize: String(pagesize) })
  t.match(await page(1, 2), { count: 5, volume: [{ name: 'a-1' }, { name: 'a-2' }] })
  t.match(await page(3, 2), { count: 5, volume: [{ name: 'b-3' }] })
  t.same(await page(4, 2), { count: 5 }, 'beyond the last page there is the count alone')
  t.match(await client.call('listVolumes', { type: 'ROOT' }), { count: 1, volume: [{ deviceid: 0 }] })
})

void t.test('tags are made, found and removed by jobs', async t => {
  const started = await startCloud(t, { devices: 'file' })
  const { client, ids } = started
  const id = await makeVolume(started, 'tagged')
  await makeVolume(started, 'plain')
  const tag = { resourceids: id, resourcetype: 'Volume', 'tags[0].key': 'saga', 'tags[0].value': '42 +~' }
  t.match(await client.job('createTags', tag), { jobstatus: 1, jobresult: { success: true } })
  t.match(await client.job('createTags', tag), {
    jobstatus: 2,
    jobresult: { errorcode: 530, errortext: /already on/ },
  })
  t.match(await client.job('createTags', { ...tag, resourceids: ids.zone }), { jobstatus: 2 })
  const found = await listed(started, { 'tags[0].key': 'saga', 'tags[0].value': '42 +~' })
  t.match(found, [{ id, tags: [{ key: 'saga', value: '42 +~', resourcetype: 'Volume', resourceid: id }] }])
  t.same(await listed(started, { 'tags[0].key': 'saga', 'tags[0].value': '43' }), [])
  t.match(await client.call('listTags', { resourceid: id }), { count: 1, tag: [{ key: 'saga' }] })
  await client.job('createTags', { ...tag, resourcetype: 'UserVm', resourceids: ids.applianceVm })
  t.match(await client.call('listTags', { key: 'saga' }), { count: 2 })
  await client.job('deleteTags', { resourceids: id, resourcetype: 'volume', 'tags[0].key': 'saga' })
  t.same(await client.call('listTags', { resourceid: id }), {})
})

void t.test('a VM stops and starts by jobs that can be listed', async t => {
  const { client, ids } = await startCloud(t, { devices: 'file' })
  const job = await client.job('stopVirtualMachine', { id: ids.applianceVm, forced: 'true' })
  t.match(job, {
    jobstatus: 1,
    jobprocstatus: 0,
    jobresultcode: 0,
    jobresulttype: 'object',
    jobresult: { virtualmachine: { id: ids.applianceVm, state: 'Stopped' } },
    jobinstancetype: 'VirtualMachine',
    jobinstanceid: ids.applianceVm,
    cmd: 'org.apache.cloudstack.api.command.admin.vm.StopVMCmdByAdmin',
    accountid: ids.account,
    userid: uuid,
    created: date,
    completed: date,
    jobid: uuid,
  })
  t.match(await client.job('startVirtualMachine', { id: ids.applianceVm }), {
    jobresult: { virtualmachine: { state: 'Running' } },
  })
  t.match(await client.call('listAsyncJobs', { startdate: '2026-01-01' }), {
    count: 2,
    asyncjobs: [{ jobstatus: 1 }, {}],
  })
})
