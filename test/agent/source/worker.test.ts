import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type DiskCounters } from '../../../agent/api/worker.js'
import { AppError } from '../../../agent/errors.js'
import { workerApi } from '../../../agent/http/worker-api.js'
import { TaskBoard } from '../../../agent/replication/source-site.js'
import { monotonicMs, pause, wallClock } from '../../../agent/roles/clock.js'
import { omaLink } from '../../../agent/source/oma-link.js'
import { Worker, type WorkerOptions } from '../../../agent/source/worker.js'
import { migrate } from '../../../agent/store/database.js'
import { workerReports } from '../../../agent/store/worker-reports.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const leaseMs = 800
const never = new AbortController().signal

const outcomeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    value => JSON.stringify(value),
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

/** The OMA's half over a real database, and a link to it. */
async function startBoard(t: Test) {
  const database = await startMariadb(t)
  await migrate(database.db)
  const store = taskBoardStore(database.db, wallClock)
  const options = { store, logger: silent, now: wallClock, pause, leaseMs, absentMs: 60_000, lookMs: 20 }
  const board = new TaskBoard(options)
  board.start()
  t.teardown(() => board.stop())
  const path = join(await temporaryDir(t), 'worker.sock')
  const listen = async () => {
    const reports = workerReports(database.db, wallClock)
    const api = workerApi({ tasks: store, reports, board, leaseMs, logger: silent })
    await api.listen({ path })
    return api
  }
  let api = await listen()
  t.teardown(() => api.close())
  const link = omaLink(path, 6)
  t.teardown(() => link.close())
  return {
    ...database,
    board,
    store,
    link,
    stopApi: () => api.close(),
    startApi: async () => {
      api = await listen()
    },
  }
}

function startWorker(t: Test, link: WorkerOptions['link'], runTask: WorkerOptions['runTask']): Worker {
  const worker = new Worker({
    link,
    workerId: 'vma-1',
    slots: 2,
    runTask,
    logger: silent,
    nowMs: monotonicMs,
    pause,
  })
  worker.start()
  t.teardown(() => worker.stop())
  return worker
}

const vm = { name: 'vm', power: 'on', changeTracking: 'on', findings: [], disks: [] } as const
const inspect = (board: TaskBoard, owner: string, subject = 'vm-1', signal = never) =>
  board.run(owner, 'inspect-vm', subject, { sourceVmId: subject }, signal)

void t.test('work goes to the VMA and its outcome comes back', async t => {
  const oma = await startBoard(t)
  let result: unknown = vm
  startWorker(t, oma.link, async task => {
    if (task.kind === 'inspect-vm' && task.input.sourceVmId === 'unknown')
      throw new AppError('SOURCE_VM_UNKNOWN', `VM ${task.input.sourceVmId}`)
    if (task.kind === 'inspect-vm' && task.input.sourceVmId === 'bug')
      throw new Error('with a password in it')
    if (task.kind === 'inspect-vm' && task.input.sourceVmId === 'long')
      throw new AppError('VSPHERE_FAULT', 'x'.repeat(9000))
    return result
  })
  t.same(await inspect(oma.board, 's1/a'), vm)
  t.equal(await outcomeOf(inspect(oma.board, 's1/b', 'unknown')), 'SOURCE_VM_UNKNOWN')
  t.equal(await outcomeOf(inspect(oma.board, 's1/c', 'long')), 'VSPHERE_FAULT')
  await t.rejects(inspect(oma.board, 's1/d', 'bug'), { code: 'INTERNAL_BUG', message: /the log has it/ })
  result = { name: 'vm' }
  t.equal(
    await outcomeOf(inspect(oma.board, 's1/e')),
    'INTERNAL_BUG',
    'a result of another shape is not believed',
  )
})

void t.test('a lease lives as long as its heartbeats', async t => {
  const oma = await startBoard(t)
  const seen: string[] = []
  let finish: () => void = () => undefined
  startWorker(t, oma.link, async (_task, context) => {
    seen.push('begun')
    await new Promise<void>((resolve, reject) => {
      finish = resolve
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true })
    })
    return vm
  })
  const slow = inspect(oma.board, 's2/a')
  await until('it runs for two leases', async () => {
    const [row] = await oma.db('worker_tasks').select<{ lease_until: Date; created_at: Date }[]>()
    return (
      row !== undefined &&
      seen.length === 1 &&
      row.lease_until.getTime() - row.created_at.getTime() > 2 * leaseMs
    )
  })
  finish()
  t.same(await slow, vm)

  const cancelling = new AbortController()
  const cancelled = outcomeOf(inspect(oma.board, 's2/b', 'vm-1', cancelling.signal))
  await until('the second task runs', () => seen.length === 2)
  cancelling.abort(new AppError('PASS_CANCELLED', 'by the operator'))
  t.equal(await cancelled, 'PASS_CANCELLED')
  await until('the VMA let go and said so', async () => {
    const row = await oma
      .db('worker_tasks')
      .where({ owner: 's2/b' })
      .first<{ state: string; failure_code: string }>()
    return row.state === 'failed' && row.failure_code === 'PASS_CANCELLED'
  })
})

void t.test('work of a VMA that went silent is lost, and what it says later is refused', async t => {
  const oma = await startBoard(t)
  const lost = outcomeOf(inspect(oma.board, 's3/a'))
  const task = await oma.link.lease('vma-1', 5000, never)
  t.match(task, { kind: 'inspect-vm', leaseMs })
  t.equal(await lost, 'WORKER_LOST')
  await t.rejects(oma.link.heartbeat(task!, [], never), { code: 'WORKER_LEASE_LAPSED' })
  await t.rejects(oma.link.finish(task!, { kind: 'done', result: vm }, never), {
    code: 'WORKER_LEASE_LAPSED',
  })
  t.equal(await oma.link.lease('vma-1', 0, never), undefined, 'and it is not given out again by itself')
})

void t.test('an OMA that goes away ends the work when the lease is over, and gets the VMA back', async t => {
  const oma = await startBoard(t)
  const ends: string[] = []
  let begun = 0
  startWorker(t, oma.link, async (_task, context) => {
    begun += 1
    if (begun > 1) return vm
    await new Promise(resolve => context.signal.addEventListener('abort', resolve, { once: true }))
    ends.push(context.signal.reason instanceof AppError ? context.signal.reason.code : 'other')
    throw context.signal.reason
  })
  const first = outcomeOf(inspect(oma.board, 's4/a'))
  await until('it is being done', () => begun === 1)
  await oma.stopApi()
  await until('the VMA stopped by itself', () => ends.length === 1)
  t.same(ends, ['WORKER_LEASE_LAPSED'])
  t.equal(await first, 'WORKER_LOST')
  await oma.startApi()
  t.same(await inspect(oma.board, 's4/b'), vm)
})

void t.test('a database outage is survived by both', async t => {
  const oma = await startBoard(t)
  startWorker(t, oma.link, async () => vm)
  t.same(await inspect(oma.board, 's5/a'), vm)
  await oma.kill()
  t.equal(await outcomeOf(oma.link.lease('vma-2', 0, never)), 'STORE_UNAVAILABLE')
  await oma.start()
  t.same(await inspect(oma.board, 's5/b'), vm)
})

void t.test('progress counts only while its task is leased and its pass copies', async t => {
  const oma = await startBoard(t)
  const { db } = oma
  await db('source_vms').insert({
    id: 'vm-1',
    name: 'vm',
    power: 'on',
    disk_count: 1,
    capacity_bytes: '1',
    seen_at: new Date(),
    scan_id: 's',
  })
  await db('replication_jobs').insert({
    id: 'j',
    source_vm_id: 'vm-1',
    vm_name: 'vm',
    created_at: new Date(),
  })
  await db('sagas').insert({
    id: 'g',
    kind: 'pass',
    input: '{}',
    state: 'running',
    epoch: 1,
    next_seq: 0,
    cancel_requested: false,
    created_at: new Date(),
  })
  await db('passes').insert({
    id: 'p',
    job_id: 'j',
    number: 1,
    saga_id: 'g',
    state: 'copying',
    started_at: new Date(),
  })
  await db('pass_disks').insert({ pass_id: 'p', disk_key: '2000', fallbacks: '[]' })
  const lost = outcomeOf(
    oma.board.run(
      'g/copy',
      'copy-disks',
      'vm-1',
      { sourceVmId: 'vm-1', from: { kind: 'snapshot', name: 's' }, disks: [] },
      never,
    ),
  )
  const task = await oma.link.lease('vma-1', 5000, never)
  const counters = (readBytes: string): DiskCounters => ({
    diskKey: '2000',
    syncType: 'full',
    plannedBytes: '9007199254740993',
    readBytes,
    writtenBytes: readBytes,
    zeroedBytes: '0',
    skippedBytes: '0',
    sentAgainBytes: '0',
    durableBelow: '0',
    basis: '',
    retriedRequests: 0,
    rateBytesPerSec: '7',
    seconds: null,
    fallbacks: [],
  })
  const readBytes = async () => (await db('pass_disks').first<{ read_bytes: string }>()).read_bytes
  await oma.link.heartbeat(task!, [counters('9007199254740992')], never)
  t.equal(await readBytes(), '9007199254740992', 'exact above 2^53')
  await oma.link.finish(task!, { kind: 'failed', code: 'SOURCE_READ_FAILED', message: 'x' }, never)
  await t.rejects(oma.link.heartbeat(task!, [counters('1')], never), { code: 'WORKER_LEASE_LAPSED' })
  t.equal(await readBytes(), '9007199254740992')
  t.equal(await lost, 'SOURCE_READ_FAILED')
})
