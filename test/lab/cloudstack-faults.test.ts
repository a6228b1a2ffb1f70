import { existsSync } from 'node:fs'
import t from 'tap'
import { until } from '../lib/until.js'
import { listed, makeVolume, startCloud } from './cloudstack-fixture.js'

void t.test('calls fail, hang, break off and are answered by others', async t => {
  const started = await startCloud(t, { devices: 'file' })
  const { client, cloud, ids } = started
  const create = (name: string) =>
    client.send('createVolume', { name, zoneid: ids.zone, diskofferingid: ids.smallDiskOffering })
  const count = async () => (await listed(started)).length
  const { faults } = cloud

  faults.add({ kind: 'fail-call', command: 'createVolume', errorCode: 533, errorText: 'no room', times: 1 })
  t.match(await create('a'), {
    status: 533,
    text: /"errorcode":533,"cserrorcode":9999,"errortext":"no room"/,
  })
  faults.add({ kind: 'cut-connection', command: 'createVolume', after: false, times: 1 })
  await t.rejects(create('a'))
  t.equal(await count(), 0)
  faults.add({ kind: 'cut-connection', command: 'createVolume', after: true, times: 1 })
  await t.rejects(create('a'))
  t.equal(await count(), 1, 'dropped after the effect')

  const release = faults.add({ kind: 'hang-call', command: 'createVolume', after: true, times: 1 })
  const hanging = create('b').then(
    () => 'answered',
    () => 'cut',
  )
  await until('the volume is there', async () => (await count()) === 2)
  release()
  t.equal(await hanging, 'cut')

  faults.add({
    kind: 'proxy-answer',
    command: 'createVolume',
    status: 429,
    retryAfterSec: 7,
    after: false,
    times: 1,
  })
  const busy = await create('c')
  t.match(busy, { status: 429, headers: { 'retry-after': '7', 'content-type': /html/ }, text: /^<html>/ })
  faults.add({ kind: 'proxy-answer', command: 'createVolume', status: 502, after: true, times: 1 })
  t.equal((await create('c')).status, 502)
  t.equal(await count(), 3)
  faults.add({ kind: 'proxy-answer', status: 200, after: false, times: 1 })
  t.match(await create('d'), { status: 200, text: /^<html>/ })
  faults.add({ kind: 'truncated-answer', command: 'createVolume', times: 1 })
  const cut = await create('d')
  t.throws(() => JSON.parse(cut.text) as unknown)
  t.equal(await count(), 4)
  faults.add({ kind: 'refuse-key', times: 1 })
  t.equal((await create('e')).status, 401)
  const started_ = performance.now()
  faults.add({ kind: 'delay-call', command: 'listZones', delayMs: 50, times: 1 })
  await client.call('listZones')
  t.ok(performance.now() - started_ >= 49)
  faults.add({ kind: 'duplicate-job', command: 'createVolume', times: 1 })
  t.equal((await create('twin')).status, 200)
  t.equal((await listed(started, { name: 'twin' })).length, 2)
  t.match(cloud.calls.at(-1), { command: 'listVolumes', method: 'GET', status: 200, errorText: null })
  t.notMatch(JSON.stringify(cloud.calls), cloud.apiKey)
})

void t.test('jobs fail, wait, come late and are forgotten', async t => {
  const started = await startCloud(t, { devices: 'file' })
  const { client, cloud, ids } = started
  const { faults } = cloud
  const id = await makeVolume(started, 'v')
  const attach = { id, virtualmachineid: ids.applianceVm }
  faults.add({ kind: 'fail-job', command: 'attachVolume', errorCode: 533, errorText: 'no host', times: 1 })
  t.match(await client.job('attachVolume', attach), {
    jobstatus: 2,
    jobresultcode: 530,
    jobresulttype: 'object',
    jobresult: { uuidList: [], errorcode: 533, errortext: 'no host' },
  })
  t.match(await listed(started, { id }), [{ state: 'Allocated' }])

  const release = faults.add({ kind: 'hold-job', command: 'attachVolume', times: 1 })
  const { jobid } = await client.call('attachVolume', attach)
  t.match(await client.call('queryAsyncJobResult', { jobid: String(jobid) }), {
    jobstatus: 0,
    jobresultcode: 0,
  })
  t.match(await listed(started, { id }), [{ jobid, jobstatus: 0, state: 'Allocated' }])
  release()
  t.match(await client.ended(String(jobid)), { jobstatus: 1 })
  t.notOk('jobid' in ((await listed(started, { id }))[0] ?? {}))

  const comes = faults.add({ kind: 'late-effect', command: 'detachVolume', times: 1 })
  t.match(await client.job('detachVolume', { id }), { jobstatus: 2, jobresult: { errortext: /timed out/ } })
  t.ok(existsSync(cloud.linkPath(id)), 'still attached')
  comes()
  await until('the straggler detaches', () => !existsSync(cloud.linkPath(id)))

  cloud.forgetEndedJobs()
  const gone = await client.send('queryAsyncJobResult', { jobid: String(jobid) })
  t.match(gone, { status: 431, text: /entity does not exist/ })
})

void t.test('a list can lag one change behind', async t => {
  const started = await startCloud(t, { devices: 'file' })
  const { client, cloud, ids } = started
  await makeVolume(started, 'old')
  const id = await makeVolume(started, 'new')
  const stale = () => {
    cloud.faults.add({ kind: 'stale-list', command: 'listVolumes', times: 1 })
    return listed(started)
  }
  t.match(
    (await stale()).map(volume => volume['name']),
    ['old'],
  )
  t.equal((await listed(started)).length, 2)
  await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })
  t.notOk('virtualmachineid' in ((await stale())[1] ?? {}))
  await client.job('detachVolume', { id })
  t.match((await stale())[1], { virtualmachineid: ids.applianceVm })
  await client.call('deleteVolume', { id })
  t.equal((await stale()).length, 2)
})
