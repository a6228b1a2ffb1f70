import t from 'tap'
import { readPart } from '../../console/reading.js'
import { demoClient } from '../../console/demo/client.js'
import { AppError } from '../../agent/errors.js'
import { key, PtyConsole } from './pty-console.js'

const nowMs = Date.UTC(2026, 10, 24, 2, 0, 0)

void t.test('the recorded data fits the contract, every part of it', async t => {
  const client = demoClient(() => nowMs)
  const signal = new AbortController().signal
  const jobs = await client.jobs()
  const parts = [
    { name: 'status', key: '' },
    { name: 'vms', key: '' },
    { name: 'jobs', key: '' },
    ...jobs.map(job => ({ name: 'job', key: job.id }) as const),
    ...jobs.map(job => ({ name: 'passes', key: job.id }) as const),
    ...jobs
      .flatMap(job => [job.currentPass, job.lastPass])
      .flatMap(pass => (pass === null ? [] : [pass.id]))
      .map(id => ({ name: 'pass', key: id }) as const),
  ] as const
  for (const part of parts) {
    const reply = await readPart(client, part, signal)
    t.ok(reply.reading.ok, `${part.name} ${part.key}`)
  }
})

void t.test('what is asked for happens to the record, and only what can', async t => {
  const client = demoClient(() => nowMs)
  const idle = (await client.sourceVms()).items.find(vm => vm.jobId === null)!
  const job = await client.createJob({ sourceVmId: idle.id })
  await t.rejects(client.createJob({ sourceVmId: idle.id }), { code: 'JOB_EXISTS' })
  const pass = await client.startPass(job.id)
  await t.rejects(client.startPass(job.id), { code: 'JOB_BUSY' })
  t.equal((await client.cancelPass(pass.id)).failure?.code, 'PASS_CANCELLED')
  t.equal((await client.job(job.id)).currentPass, null)
  await t.rejects(client.pass('none'), AppError)
})

void t.test('every section opens in a terminal, without an agent', async t => {
  const view = new PtyConsole({ socketPath: null, main: 'demo/main.js' })
  t.teardown(() => view.dispose())
  await view.shows('Needs attention', 'fin-share', '192.0.2.10')
  view.press('2')
  await view.shows('erp-db-02', '9 VMs')
  view.press(key.enter)
  await view.shows('VMs > crm-app-01', 'Hard disk 2')
  view.press('3')
  await view.shows('7 jobs')
  view.press(key.enter)
  await view.shows('Steps of pass 1')
  view.press('4')
  await view.shows('Operations on volumes', 'attach-root')
  view.press('5')
  await view.shows('cloud.example', 'disk-offering')
  view.press('6')
  await view.shows('exports open', 'This machine')
  view.press('7')
  await view.shows('Nothing was said yet')
  view.press('8')
  await view.shows('comes without any warranty', 'fast-xml-parser')
  view.press('?')
  await view.shows('What they do here')
  view.press(key.escape)
  await view.shows('fast-xml-parser')
  t.same(view.children(), [])
  view.press('q')
  t.equal((await view.ended()).exitCode, 0)
})
