import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  versionHeaders,
  whyMixed,
  workerProtocol,
  type WorkerVersion,
} from '../../../agent/api/worker-version.js'
import { type DiskCounters } from '../../../agent/api/worker.js'
import { AppError } from '../../../agent/errors.js'
import { workerApi } from '../../../agent/http/worker-api.js'
import { TaskBoard } from '../../../agent/replication/tasks/board.js'
import { monotonicMs, pause, wallClock } from '../../../agent/roles/clock.js'
import { omaLink } from '../../../agent/source/oma-link.js'
import { Worker, type WorkerOptions } from '../../../agent/source/worker.js'
import { statusView } from '../../../agent/store/status-view.js'
import { migrate } from '../../../agent/store/database.js'
import { workerReports } from '../../../agent/store/worker-reports.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const leaseMs = 800
const version = { product: '1.2.3', protocol: 'a1' }
const never = new AbortController().signal

const outcomeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    value => JSON.stringify(value),
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

/** The OMA's half over a real database, and a link to it. */
async function startBoard(t: Test, absentMs = 60_000) {
  const database = await startMariadb(t)
  await migrate(database.db)
  const store = taskBoardStore(database.db, wallClock)
  const options = { store, logger: silent, now: wallClock, pause, leaseMs, absentMs, lookMs: 20 }
  const board = new TaskBoard(options)
  board.start()
  t.teardown(() => board.stop())
  const path = join(await temporaryDir(t), 'worker.sock')
  const listen = async () => {
    const reports = workerReports(database.db, wallClock)
    const api = workerApi({ tasks: store, reports, board, leaseMs, version, logger: silent })
    await api.listen({ path })
    return api
  }
  let api = await listen()
  t.teardown(() => api.close())
  const linkOf = (theirs: WorkerVersion) => {
    const link = omaLink(path, 6, theirs)
    t.teardown(() => link.close())
    return link
  }
  return {
    ...database,
    board,
    store,
    link: linkOf(version),
    linkOf,
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
    rates: { add: () => undefined, remove: () => undefined, rateOfNext: () => undefined },
    runTask,
    logger: silent,
    nowMs: monotonicMs,
    pause,
  })
  worker.start()
  t.teardown(() => worker.stop())
  return worker
}

const other: WorkerVersion = { product: '1.3.0', protocol: 'b2' }

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
  await t.rejects(oma.link.heartbeat(task!, { progress: [], held: false }, never), {
    code: 'WORKER_LEASE_LAPSED',
  })
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
      {
        sourceVmId: 'vm-1',
        from: { kind: 'snapshot', name: 's' },
        pace: { level: 0, bytesPerSec: null },
        disks: [],
      },
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
    durableSum: '0'.repeat(32),
    basis: '',
    retriedRequests: 0,
    rateBytesPerSec: '7',
    seconds: null,
    fallbacks: [],
  })
  const readBytes = async () => (await db('pass_disks').first<{ read_bytes: string }>()).read_bytes
  await oma.link.heartbeat(task!, { progress: [counters('9007199254740992')], held: false }, never)
  t.equal(await readBytes(), '9007199254740992', 'exact above 2^53')
  await oma.link.finish(task!, { kind: 'failed', code: 'SOURCE_READ_FAILED', message: 'x' }, never)
  await t.rejects(oma.link.heartbeat(task!, { progress: [counters('1')], held: false }, never), {
    code: 'WORKER_LEASE_LAPSED',
  })
  t.equal(await readBytes(), '9007199254740992')
  t.equal(await lost, 'SOURCE_READ_FAILED')
})

void t.test('a VMA of another version gets no work, and its work stays for one that fits', async t => {
  const oma = await startBoard(t)
  const status = () => statusView(oma.db, { version: '1.2.3', now: wallClock, workerSilenceMs: 30_000 })
  let done = 0
  const work = async () => {
    done += 1
    return vm
  }
  const mixed = startWorker(t, oma.linkOf(other), work)
  const waiting = inspect(oma.board, 's6/a')
  await until('the OMA says whom it refused', async () => (await status()).vma.state === 'refused')
  t.match((await status()).vma, {
    lastSeenAt: null,
    failure: {
      code: 'WORKER_VERSION_MISMATCH',
      message: 'the VMA is version 1.3.0 (worker protocol b2), the OMA is version 1.2.3 (worker protocol a1)',
    },
  })
  const page = { scanId: 's', vms: [], last: true }
  const refused = { code: 'WORKER_VERSION_MISMATCH' }
  await t.rejects(oma.linkOf(other).saveInventory(page, never), refused)
  await t.rejects(oma.linkOf({ ...other, protocol: '' }).reportSource({ state: 'ok' }, never), {
    ...refused,
    message: /names no worker protocol/,
  })
  t.match(await oma.db('worker_tasks').select('state', 'epoch'), [{ state: 'queued', epoch: 0 }])
  await mixed.stop()
  startWorker(t, oma.link, work)
  t.same(await waiting, vm)
  t.equal(done, 1)
  t.match((await status()).vma, { state: 'connected', version: '1.2.3', failure: null })
})

void t.test('work that only a VMA of another version could do fails with that reason', async t => {
  const oma = await startBoard(t, 300)
  await t.rejects(oma.linkOf(other).lease('vma-1', 0, never), { code: 'WORKER_VERSION_MISMATCH' })
  t.equal(await outcomeOf(inspect(oma.board, 's7/a')), 'WORKER_VERSION_MISMATCH')
  await until(
    'the refusal is old',
    async () => (await outcomeOf(inspect(oma.board, 's7/b'))) === 'WORKER_ABSENT',
  )
})

void t.test('an OMA that comes back in another version ends the work at once', async t => {
  const oma = await startBoard(t)
  const reasons: unknown[] = []
  let link = oma.link
  const following: typeof link = {
    ...link,
    heartbeat: (task, progress, signal) => link.heartbeat(task, progress, signal),
    finish: (task, outcome, signal) => link.finish(task, outcome, signal),
  }
  startWorker(t, following, async (_task, context) => {
    link = oma.linkOf(other)
    await new Promise(resolve => context.signal.addEventListener('abort', resolve, { once: true }))
    reasons.push(context.signal.reason instanceof AppError ? context.signal.reason.code : 'other')
    throw context.signal.reason
  })
  t.equal(await outcomeOf(inspect(oma.board, 's8/a')), 'WORKER_LOST')
  t.same(reasons, ['WORKER_VERSION_MISMATCH'])
})

void t.test('the protocol follows from the contract', async t => {
  t.match(workerProtocol, /^[0-9a-f]{12}$/)
  t.equal(
    whyMixed(
      { product: '1', protocol: workerProtocol },
      versionHeaders({ product: '2', protocol: workerProtocol }),
    ),
    undefined,
  )
  t.match(whyMixed(version, { 'ossea-worker-protocol': 'a1\u001b[2J' }), /names no worker protocol/)
})
