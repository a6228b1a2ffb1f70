import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import {
  type JobDetailView,
  type JobView,
  type PassDetailView,
  type PassView,
  type SourceVmView,
  type StatusView,
} from '../../agent/api/schemas.js'
import { errorTable, type ErrorCode } from '../../agent/errors.js'

export const GIB = 1024n * 1024n * 1024n

/** What the fake agent knows. A test changes it while the console runs. */
export interface Site {
  status: () => StatusView
  vms: SourceVmView[]
  jobs: JobDetailView[]
  passes: PassDetailView[]
  /** The next POST is refused with this. */
  refuse: { code: ErrorCode; message: string } | null
  /** GETs of lists are refused with this. */
  failReads: ErrorCode | null
  readonly requests: string[]
}

export interface FakeAgent {
  readonly site: Site
  readonly socketPath: string
  start(): Promise<void>
  /** Ends the server and all its connections; the socket goes away as with a killed agent. */
  stop(): Promise<void>
  remove(): Promise<void>
}

const instant = (ms: number): string => new Date(ms).toISOString()

export const okStatus = (nowMs: () => number): (() => StatusView) => {
  return () => ({
    version: '0.1.0',
    now: instant(nowMs()),
    vma: { state: 'connected', lastSeenAt: instant(nowMs() - 1000), version: null, failure: null },
    source: { state: 'ok', failure: null, checkedAt: instant(nowMs() - 4000) },
  })
}

export const vmOf = (number: number, name: string, more: Partial<SourceVmView> = {}): SourceVmView => ({
  id: `5029f3a1-0000-4000-8000-${String(number).padStart(12, '0')}`,
  name,
  folder: 'DC0/production',
  host: 'esx1.lab.example',
  power: 'on',
  diskCount: 2,
  capacityBytes: String(60n * GIB),
  seenAt: instant(Date.UTC(2026, 10, 24, 1, 59, 57)),
  managedAt: null,
  jobId: null,
  jobState: null,
  ...more,
})

export function passOf(
  jobId: string,
  number: number,
  startMs: number,
  more: Partial<PassView> = {},
): PassView {
  return {
    id: `${jobId}-pass-${number}`,
    jobId,
    number,
    state: 'committed',
    sagaState: 'done',
    syncType: number === 1 ? 'full' : 'incremental',
    startedAt: instant(startMs),
    endedAt: instant(startMs + 38_000),
    plannedBytes: String(1181116006n),
    movedBytes: String(1181116006n),
    rateBytesPerSec: null,
    etaSeconds: null,
    failure: null,
    held: false,
    resumedCount: 0,
    ...more,
  }
}

const stepTitles: readonly [string, string][] = [
  ['inspect-source', 'Look at the VM and its disks'],
  ['prepare-volumes', 'Make the target volumes ready'],
  ['take-snapshot', 'Take one snapshot of all disks'],
  ['open-exports', 'Open the target volumes for writing'],
  ['copy-disks', 'Move the data'],
  ['commit', 'Record the recovery point'],
  ['remove-snapshot', 'Remove the snapshot'],
]

/** Steps of a pass: `at` of them done, the next one in `state`. */
export function stepsOf(
  startMs: number,
  at: number,
  state: 'running' | 'failed' | 'waiting',
): PassDetailView['steps'] {
  return stepTitles.map(([name, title], index) => ({
    name,
    title,
    state: index < at ? ('done' as const) : index === at ? state : ('waiting' as const),
    startedAt: index < at || (index === at && state !== 'waiting') ? instant(startMs + index * 1000) : null,
    endedAt:
      index < at || (index === at && state === 'failed') ? instant(startMs + index * 1000 + 800) : null,
    failure:
      index === at && state === 'failed'
        ? {
            code: 'TARGET_FULL',
            message: 'volume 7d1f while writing disk 2000',
            next: errorTable.TARGET_FULL.next,
          }
        : null,
  }))
}

export const diskOf = (
  key: string,
  capacityGib: bigint,
  more: Partial<PassDetailView['disks'][number]> = {},
): PassDetailView['disks'][number] => ({
  diskKey: key,
  label: `Hard disk ${Number(key) - 1999}`,
  capacityBytes: String(capacityGib * GIB),
  volumeId: `7d1f6c2a-${key}-4000-8000-0123456789ab`,
  syncType: 'incremental',
  plannedBytes: String(2n * GIB),
  readBytes: String(GIB / 2n),
  writtenBytes: String(GIB / 4n),
  zeroedBytes: String(GIB / 8n),
  skippedBytes: '0',
  sentAgainBytes: '0',
  retriedRequests: 0,
  seconds: null,
  changeIdBefore: '52 de ad be ef/41',
  changeIdAfter: null,
  fallbacks: [],
  ...more,
})

export const jobOf = (id: string, vm: SourceVmView, more: Partial<JobDetailView> = {}): JobDetailView => ({
  id,
  sourceVmId: vm.id,
  vmName: vm.name,
  state: 'protected',
  createdAt: instant(Date.UTC(2026, 10, 23, 22, 0, 0)),
  recoveryPointAt: instant(Date.UTC(2026, 10, 24, 1, 55, 48)),
  pausedAt: null,
  stoppedAt: null,
  currentPass: null,
  lastPass: null,
  quiesce: 'preferred',
  stagingPolicy: 'wait',
  replica: { state: 'at-point', why: null },
  lastVerification: null,
  disks: [
    {
      diskKey: '2000',
      label: 'Hard disk 1',
      capacityBytes: String(40n * GIB),
      volumeId: `7d1f6c2a-2000-4000-8000-0123456789ab`,
      changeId: '52 de ad be ef/41',
    },
    {
      diskKey: '2001',
      label: 'Hard disk 2',
      capacityBytes: String(20n * GIB),
      volumeId: `7d1f6c2a-2001-4000-8000-0123456789ab`,
      changeId: '52 de ad be ef/77',
    },
  ],
  ...more,
})

const jobView = ({ disks: _disks, ...job }: JobDetailView): JobView => job
const passView = ({ disks: _disks, steps: _steps, ...pass }: PassDetailView): PassView => pass

interface Answer {
  readonly status: number
  readonly body: unknown
}

const refusal = (code: ErrorCode, message: string): Answer => ({
  status: errorTable[code].status,
  body: { code, message, next: errorTable[code].next, requestId: 'r-1' },
})

const pageSize = 1000

function read(site: Site, url: URL): Answer {
  const parts = url.pathname.split('/').slice(2)
  const [kind, id, sub] = parts
  if (kind === 'status') return { status: 200, body: site.status() }
  if (site.failReads !== null) return refusal(site.failReads, 'reading')
  if (kind === 'source-vms') {
    const after = url.searchParams.get('after')
    const start = after === null ? 0 : site.vms.findIndex(vm => vm.id === after) + 1
    const items = site.vms.slice(start, start + pageSize)
    const more = start + pageSize < site.vms.length
    return { status: 200, body: { items, next: more ? items.at(-1)!.id : null } }
  }
  if (kind === 'replication-jobs' && id === undefined)
    return { status: 200, body: { items: site.jobs.map(jobView) } }
  if (kind === 'replication-jobs' && sub === 'passes') {
    return { status: 200, body: { items: site.passes.filter(pass => pass.jobId === id).map(passView) } }
  }
  const found =
    kind === 'replication-jobs'
      ? site.jobs.find(job => job.id === id)
      : site.passes.find(pass => pass.id === id)
  return found === undefined ? refusal('NOT_FOUND', `${kind} ${id}`) : { status: 200, body: found }
}

/** What a pass with a quiesced snapshot tells besides. */
export const plainDetail = {
  mode: 'snapshot',
  consistency: 'quiesced',
  notes: [],
  staging: { way: 'staged' as const, stagedBytes: null, appliedBytes: null },
  brokenCopies: [],
} satisfies Partial<PassDetailView>

/** Adds a running pass to a job, as the agent does. */
export function runPass(
  site: Site,
  jobId: string,
  startMs: number,
  more: Partial<PassDetailView> = {},
): PassDetailView {
  const job = site.jobs.find(each => each.id === jobId)!
  const number = site.passes.filter(pass => pass.jobId === jobId).length + 1
  const pass: PassDetailView = {
    ...passOf(jobId, number, startMs, {
      state: 'copying',
      sagaState: 'running',
      endedAt: null,
      plannedBytes: String(4n * GIB),
      movedBytes: String(GIB),
      rateBytesPerSec: String(48n * 1024n * 1024n),
      etaSeconds: 64,
    }),
    ...plainDetail,
    disks: [diskOf('2000', 40n), diskOf('2001', 20n, { plannedBytes: null, syncType: null, readBytes: '0' })],
    steps: stepsOf(startMs, 4, 'running'),
    ...more,
  }
  site.passes.push(pass)
  job.state = 'replicating'
  job.currentPass = passView(pass)
  return pass
}

function write(site: Site, method: string, parts: readonly string[], body: unknown): Answer {
  if (site.refuse !== null) {
    const { code, message } = site.refuse
    site.refuse = null
    return refusal(code, message)
  }
  const [kind, id, sub] = parts
  if (kind === 'replication-jobs' && id === undefined) {
    const { sourceVmId } = body as { sourceVmId: string }
    const vm = site.vms.find(each => each.id === sourceVmId)
    if (vm === undefined) return refusal('SOURCE_VM_UNKNOWN', sourceVmId)
    const job = jobOf(`job-${site.jobs.length + 1}`, vm, { state: 'new', recoveryPointAt: null })
    vm.jobId = job.id
    site.jobs.push(job)
    return { status: 201, body: job }
  }
  if (kind === 'replication-jobs' && sub === 'passes') {
    return { status: 202, body: passView(runPass(site, id!, Date.now())) }
  }
  if (kind === 'replication-jobs' && (sub === 'pause' || sub === 'stop')) {
    const held = site.jobs.find(each => each.id === id)
    if (held === undefined) return refusal('NOT_FOUND', `job ${id}`)
    held[sub === 'pause' ? 'pausedAt' : 'stoppedAt'] = method === 'PUT' ? instant(Date.now()) : null
    return { status: 200, body: held }
  }
  const pass = site.passes.find(each => each.id === id)
  const job = site.jobs.find(each => each.id === pass?.jobId)
  if (pass === undefined || job === undefined) return refusal('NOT_FOUND', `pass ${id}`)
  pass.state = 'failed'
  pass.sagaState = 'done'
  pass.endedAt = instant(Date.now())
  pass.failure = {
    code: 'PASS_CANCELLED',
    message: `pass ${pass.number}`,
    next: errorTable.PASS_CANCELLED.next,
  }
  job.state = 'failed'
  job.currentPass = null
  job.lastPass = passView(pass)
  return { status: 202, body: passView(pass) }
}

/** An agent that answers the contract from `Site`, on a unix socket of its own. */
export function fakeAgent(nowMs: () => number = Date.now): FakeAgent {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'console-test-'))
  const socketPath = path.join(directory, 'api.sock')
  const site: Site = {
    status: okStatus(nowMs),
    vms: [],
    jobs: [],
    passes: [],
    refuse: null,
    failReads: null,
    requests: [],
  }
  let server: http.Server | undefined

  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://agent')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const method = request.method ?? ''
    if (method !== 'GET') site.requests.push(`${method} ${url.pathname} ${text}`.trim())
    const reply =
      method === 'GET'
        ? read(site, url)
        : write(site, method, url.pathname.split('/').slice(2), text === '' ? null : JSON.parse(text))
    response.writeHead(reply.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(reply.body))
  }

  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server = http.createServer((request, response) => void answer(request, response))
      server.on('error', reject).listen(socketPath, resolve)
    })
  const stop = (): Promise<void> =>
    new Promise(resolve => {
      if (server === undefined) {
        resolve()
        return
      }
      server.close(() => {
        fs.rmSync(socketPath, { force: true })
        resolve()
      })
      server.closeAllConnections()
      server = undefined
    })
  const remove = async (): Promise<void> => {
    await stop()
    fs.rmSync(directory, { recursive: true, force: true })
  }
  return { site, socketPath, start, stop, remove }
}
