import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { volumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { type FaultRule } from '../../../lab/cloudstack/faults.js'
import { type SimulatorOptions } from '../../../lab/cloudstack/options.js'
import { listed as listedAll, makeVolume, startCloud } from '../../lab/cloudstack-fixture.js'
import { until } from '../../lib/until.js'
import { agentOf, clientOf, MemoryJournal } from './client-fixture.js'

const gib = 1024n ** 3n
const never = new AbortController().signal

async function site(t: Test, options: Partial<SimulatorOptions> = {}) {
  const started = await startCloud(t, { devices: 'file', role: 'user', ...options })
  const { cloud, ids } = started
  const api = clientOf(cloud)
  t.teardown(() => api.close())
  const place = { zoneId: ids.zone, applianceVmId: ids.applianceVm, diskOfferingId: ids.customDiskOffering }
  const journal = new MemoryJournal()
  return { ...started, api, journal, place, ...agentOf(api, place, journal) }
}

/** Without those on their way out. */
const listed = async (started: Parameters<typeof listedAll>[0]) =>
  (await listedAll(started)).filter(volume => volume['state'] !== 'Destroy')

type Site = Awaited<ReturnType<typeof site>>

const codeOf = async (attempt: Promise<unknown>): Promise<string | undefined> => {
  try {
    await attempt
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

/** As a saga tries a repeatable step again; gives the codes it met on the way. */
async function tried<T>(step: () => Promise<T>, codes: string[]): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof AppError) || tries >= 5) throw error
      codes.push(error.code)
    }
  }
}

void t.test('a volume is made once, attached once and removed without a trace', async t => {
  const { volumes, cloud, ...started } = await site(t)
  const made = await volumes.ensure("disk +~*'ü", gib + 1n, never)
  t.match(made, { sizeBytes: 2n * gib, isOurs: true })
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
  t.ok(
    cloud.calls.filter(call => call.parameters['signatureversion'] === '3').every(c => c.method === 'POST'),
  )
  t.same(started.journal.entries.size, 0, 'nothing is under way')
  t.same(cloud.bugs, [])
})

const changing = ['createVolume', 'createTags', 'attachVolume', 'detachVolume', 'deleteVolume'] as const
const asynchronous = new Set<string>(['createVolume', 'createTags', 'attachVolume', 'detachVolume'])

interface FaultClass {
  readonly name: string
  readonly rule: (command: string) => FaultRule
  /** Codes that may reach the saga; none: the client settles it by itself. */
  readonly codes: readonly string[]
  readonly onlyJobs?: boolean
}

const classes: readonly FaultClass[] = [
  ...[431, 530, 532, 533, 534, 535].map((errorCode): FaultClass => ({
    name: `error ${errorCode}`,
    rule: command => ({ kind: 'fail-call', command, errorCode, errorText: 'no', times: 1 }),
    codes: [
      errorCode === 431
        ? 'CLOUDSTACK_FAULT'
        : errorCode === 530
          ? 'CLOUDSTACK_INTERNAL'
          : errorCode === 532
            ? 'CLOUDSTACK_LIMIT_REACHED'
            : 'CLOUDSTACK_NO_CAPACITY',
    ],
  })),
  {
    name: 'the job fails',
    rule: command => ({ kind: 'fail-job', command, errorCode: 533, errorText: 'full', times: 1 }),
    codes: ['CLOUDSTACK_NO_CAPACITY'],
    onlyJobs: true,
  },
  {
    name: 'the key is refused',
    rule: command => ({ kind: 'refuse-key', command, times: 1 }),
    codes: ['CLOUDSTACK_REFUSED'],
  },
  ...[false, true].flatMap((after): readonly FaultClass[] => [
    {
      name: `hang, after ${after}`,
      rule: command => ({ kind: 'hang-call', command, after, times: 1 }),
      codes: [],
    },
    {
      name: `cut, after ${after}`,
      rule: command => ({ kind: 'cut-connection', command, after, times: 1 }),
      codes: [],
    },
    ...[429, 502, 503, 504].map((status): FaultClass => ({
      name: `status ${status} of a proxy, after ${after}`,
      rule: command => ({ kind: 'proxy-answer', command, status, after, times: 1 }),
      codes: [],
    })),
    {
      name: `a page of HTML, after ${after}`,
      rule: command => ({ kind: 'proxy-answer', command, status: 200, after, times: 1 }),
      codes: [],
    },
  ]),
  {
    name: 'a slow answer',
    rule: command => ({ kind: 'delay-call', command, delayMs: 50, times: 1 }),
    codes: [],
  },
  { name: 'a broken answer', rule: command => ({ kind: 'truncated-answer', command, times: 1 }), codes: [] },
  { name: 'carried out twice', rule: command => ({ kind: 'duplicate-job', command, times: 1 }), codes: [] },
  {
    name: 'a list that lags behind',
    rule: () => ({ kind: 'stale-list', command: 'listVolumes', times: 1 }),
    codes: [],
  },
]

/** Makes, attaches and removes one volume; what stands at each stage is proved by a client of its own. */
async function wholeLife(t: Test, { volumes, cloud, ...started }: Site, codes: string[]): Promise<void> {
  const { id } = await tried(() => volumes.ensure('disk-1', gib, never), codes)
  t.match(await listed(started), [{ id, name: 'disk-1', tags: [{ key: 'ossea-migrate' }] }])
  t.equal((await listed(started)).length, 1, 'one volume')
  await tried(() => volumes.ensureAttached(id, never), codes)
  t.match(await listed(started), [{ id, virtualmachineid: cloud.ids.applianceVm }])
  t.ok(existsSync(cloud.linkPath(id)))
  await tried(() => volumes.remove(id, never), codes)
  t.same(await listed(started), [], 'nothing is left')
  t.notOk(existsSync(cloud.linkPath(id)))
}

for (const command of changing) {
  for (const { name, rule, codes, onlyJobs } of classes) {
    if (onlyJobs === true && !asynchronous.has(command)) continue
    if (name === 'carried out twice' && command === 'createVolume') continue
    void t.test(`${command}, ${name}: one effect, nothing left`, async t => {
      const started = await site(t)
      started.cloud.faults.add(rule(command))
      const met: string[] = []
      await wholeLife(t, started, met)
      t.ok(met.every(code => codes.includes(code)) && met.length <= 1, `met ${met.join(', ')}`)
      t.equal(met.length, codes.length, 'a named error, or none at all')
      t.same(started.journal.entries.size, 0, 'nothing is under way')
      t.same(started.cloud.bugs, [])
    })
  }
}

for (const command of changing.filter(one => asynchronous.has(one))) {
  void t.test(`${command}: a job without end is waited for again, not started again`, async t => {
    const started = await site(t)
    const release = started.cloud.faults.add({ kind: 'hold-job', command, times: 1 })
    const met: string[] = []
    const { journal, cloud } = started
    const watch = setInterval(() => {
      if (met.includes('CLOUDSTACK_JOB_UNFINISHED')) release()
    }, 1)
    t.teardown(() => clearInterval(watch))
    await wholeLife(t, started, met)
    t.same(new Set(met), new Set(['CLOUDSTACK_JOB_UNFINISHED']))
    t.equal(cloud.calls.filter(call => call.command === command).length, 1, 'sent once')
    t.same(journal.entries.size, 0)
  })
  void t.test(`${command}: an agent that was killed while it waited goes on with the same job`, async t => {
    const started = await site(t)
    const { cloud, api, place, journal, volumes } = started
    const met: string[] = []
    const release = cloud.faults.add({ kind: 'hold-job', command, times: 1 })
    const dying = new AbortController()
    journal.beforeWrite = (what, operation) => {
      if (what === 'jobStarted' && operation.startsWith(`${command} `))
        setImmediate(() => dying.abort(new Error('killed')))
    }
    const firstRun = async (signal: AbortSignal) => {
      const { id } = await volumes.ensure('disk-1', gib, signal)
      await volumes.ensureAttached(id, signal)
      await volumes.remove(id, signal)
    }
    await t.rejects(firstRun(dying.signal), { message: 'killed' })
    journal.beforeWrite = () => undefined
    const seenBefore = cloud.calls.length
    const second = wholeLife(t, { ...started, ...agentOf(api, place, journal) }, met)
    await until('the second run asks for the job, or sends again', () =>
      cloud.calls.slice(seenBefore).some(call => ['queryAsyncJobResult', command].includes(call.command)),
    )
    release()
    await second
    t.same(met, [])
    const runs = command === 'detachVolume' ? 2 : 1
    t.equal(cloud.calls.filter(call => call.command === command).length, runs, 'not sent again')
    t.same(journal.entries.size, 0)
  })
}

void t.test('a job that failed for CloudStack but took effect later is found by the next look', async t => {
  const started = await site(t)
  const { volumes, cloud } = started
  const { id } = await volumes.ensure('disk-1', gib, never)
  const release = cloud.faults.add({ kind: 'late-effect', command: 'attachVolume', times: 1 })
  t.equal(await codeOf(volumes.ensureAttached(id, never)), 'CLOUDSTACK_INTERNAL')
  release()
  await tried(() => volumes.ensureAttached(id, never), [])
  t.match(await listed(started), [{ id, virtualmachineid: cloud.ids.applianceVm }])
})

void t.test('two volumes of one name are alarmed, and neither is used or removed', async t => {
  const { volumes, cloud, ...started } = await site(t)
  cloud.faults.add({ kind: 'duplicate-job', command: 'createVolume', times: 1 })
  const attempt = volumes.ensure('twin', gib, never)
  await t.rejects(attempt, { code: 'CLOUDSTACK_AMBIGUOUS', message: /2 volumes named twin/ })
  t.equal(await codeOf(volumes.ensure('twin', gib, never)), 'CLOUDSTACK_AMBIGUOUS')
  t.equal((await listed(started)).length, 2)
})

void t.test('a volume of somebody else is never detached or deleted', async t => {
  const started = await site(t)
  const { volumes, cloud } = started
  const id = volumeId(await makeVolume(started, 'payroll'))
  t.equal(await codeOf(volumes.remove(id, never)), 'VOLUME_NOT_OURS')
  t.equal((await listed(started)).length, 1)
  t.same(
    cloud.calls.filter(call => ['detachVolume', 'deleteVolume'].includes(call.command)),
    [],
  )
})

void t.test('CloudStack has forgotten a job: what is there decides', async t => {
  const started = await site(t)
  const { volumes, journal, cloud } = started
  const { id } = await volumes.ensure('disk-1', gib, never)
  const operation = `attachVolume ${id} ${cloud.ids.applianceVm} data`
  journal.entries.set(operation, { state: 'waiting', jobId: '00000000-0000-4000-8000-000000000000' })
  await volumes.ensureAttached(id, never)
  journal.entries.set(operation, { state: 'waiting', jobId: '00000000-0000-4000-8000-000000000000' })
  await volumes.ensureAttached(id, never)
  t.equal(cloud.calls.filter(call => call.command === 'attachVolume').length, 1)
  t.same(journal.entries.size, 0)
})

void t.test('nothing is sent when the wish cannot be saved', async t => {
  const { volumes, journal, cloud } = await site(t)
  journal.beforeWrite = () => {
    throw new AppError('STORE_UNAVAILABLE', 'no database')
  }
  t.equal(await codeOf(volumes.ensure('disk-1', gib, never)), 'STORE_UNAVAILABLE')
  t.same(
    cloud.calls.filter(call => call.command === 'createVolume'),
    [],
  )
})

void t.test('long lists are read page by page, as large as the server allows', async t => {
  const started = await site(t, { maxPageSize: 3 })
  for (let number = 1; number <= 7; number += 1) await makeVolume(started, `v-${number}`)
  const all = await started.api.list('listVolumes', 'volume', { type: 'DATADISK' }, never)
  t.same(
    all.map(one => one['name']).toSorted(),
    [1, 2, 3, 4, 5, 6, 7].map(number => `v-${number}`),
  )
})

void t.test(
  'a volume grows to whole GiB, never shrinks, and is told apart from one that is not there',
  async t => {
    const { volumes } = await site(t)
    const { id } = await volumes.ensure('grows', gib, never)
    await volumes.ensureAttached(id, never)
    await volumes.grow(id, gib + 512n, never)
    await volumes.grow(id, 5n, never)
    t.equal((await volumes.find(id, never))?.sizeBytes, 2n * gib)
    t.equal(
      await codeOf(volumes.grow(volumeId('11111111-2222-4333-8444-555555555555'), gib, never)),
      'VOLUME_UNKNOWN',
    )
  },
)
