import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Test } from 'tap'
import { jobId, passId, pointId, serialOfVolume } from '../../agent/domain/ids.js'
import { passSaga } from '../../agent/replication/pass/saga.js'
import { type PassDeps } from '../../agent/replication/deps.js'
import { restoreSaga } from '../../agent/replication/points/restore-saga.js'
import { verifySaga } from '../../agent/replication/verify/saga.js'
import { runSaga } from '../../agent/saga/engine.js'
import { type SagaLog } from '../../agent/saga/log.js'
import { type Database } from '../../agent/store/database.js'
import { passStore, type JobRow } from '../../agent/store/pass-store.js'
import { readReplica } from '../../agent/store/replica-view.js'
import { sagaLog } from '../../agent/store/saga-log.js'
import { verificationStore } from '../../agent/store/verifications.js'
import { type Staged } from '../../agent/replication/staging-deps.js'
import { stagingStore } from '../../agent/store/staging.js'
import { pointStore } from '../../agent/store/points.js'
import { PointService } from '../../agent/volumes/point-service.js'
import { VolumeExports } from '../../agent/volumes/exports.js'
import { StagedVolumes } from '../../agent/volumes/staged-work.js'
import { FakeSite } from '../fake/site.js'
import { temporaryDir } from './nbdkit.js'
import { pointDaemon } from './point-daemon.js'
import { aHolder, silent } from './saga-harness.js'

export const mib = 1024n * 1024n
const now = (): Date => new Date()
const never = new AbortController().signal
const disks = [
  { key: '2000', capacityBytes: 64n * mib },
  { key: '2001', capacityBytes: 24n * mib + 512n },
]

/** One VM with two disks, its job, and everything a pass needs: real database, real exports, real copy engine. */
export async function stand(t: Test, db: Database) {
  const dir = await temporaryDir(t)
  const site = new FakeSite(dir, disks)
  await site.create()
  await site.guestWrites('2000', 5n * mib + 100n, randomBytes(3_000_000))
  await site.guestWrites('2000', 20n * mib, Buffer.alloc(2_000_000))
  await site.guestWrites('2001', 24n * mib, randomBytes(512))
  const socketDir = join(dir, 'sockets')
  await mkdir(socketDir)
  const stateDir = join(dir, 'state')
  await mkdir(stateDir)
  const stagingDir = join(dir, 'staging')
  await mkdir(stagingDir)
  const staging = {
    dir: stagingDir,
    qemuNbdPath: '/usr/bin/qemu-nbd',
    qemuImgPath: '/usr/bin/qemu-img',
  }
  const exports = new VolumeExports({
    byIdDir: site.byIdDir,
    socketDir,
    stateDir,
    nbdkitPath: '/usr/bin/nbdkit',
    staging,
    startTimeoutMs: 10_000,
    logger: silent,
  })
  const undoDir = join(dir, 'undo')
  const service = new PointService({
    undoDir,
    byIdDir: site.byIdDir,
    socketDir,
    nbdkitPath: '/usr/bin/nbdkit',
    staging,
    startTimeoutMs: 10_000,
    exports,
    logger: silent,
  })
  await service.prepare()
  const options = {
    byIdDir: site.byIdDir,
    socketDir,
    nbdkitPath: '/usr/bin/nbdkit',
    staging,
    startTimeoutMs: 10_000,
    preserve: service.preserve,
    exports,
    logger: silent,
  }
  let overlays = new StagedVolumes(options)
  /** The daemon that comes up has read nothing back itself. */
  const restartDaemon = (): void => {
    overlays = new StagedVolumes(options)
  }
  t.teardown(async () => {
    await overlays.stop()
    await service.close()
    await exports.closeAll()
  })
  const staged: Staged = {
    advanceStaged: (volume, pass, order, fence) =>
      site.call(order.kind, () => overlays.advance({ serial: serialOfVolume(volume), pass }, order, fence)),
    dropStaged: (volume, pass, fence) =>
      site.call('drop', () => overlays.drop({ serial: serialOfVolume(volume), pass }, fence)),
    staging: () =>
      site.call('space', async () => {
        const { overlays: found, freeBytes } = await overlays.space()
        return { overlays: found, freeBytes: site.stagingFreeBytes ?? freeBytes }
      }),
  }
  const daemon = pointDaemon(service, (what, work) => site.call(what, work))
  const store = passStore(db, now)
  const deps: PassDeps = {
    store,
    staging: stagingStore(db),
    staged,
    points: pointStore(db, now),
    daemon,
    source: site.source,
    target: site.target,
    exports: {
      open: (volume, minimumBytes, fence, _signal, pass) =>
        exports.open(serialOfVolume(volume), minimumBytes, fence, pass),
      close: (volume, fence) => exports.close(serialOfVolume(volume), fence),
    },
    slowSnapshotSeconds: 60,
    logger: silent,
    now,
    // Real work is waited for, but not for long.
    pause: async () => {
      await setTimeout(5)
    },
    copyPatienceMs: 60_000,
  }
  const job = jobId(randomUUID())
  await db('replication_jobs').insert({
    id: job,
    source_vm_id: randomUUID(),
    vm_name: 'vm',
    created_at: now(),
  })
  let number = 0

  const begin = async (more: object = {}) => {
    number += 1
    const pass = passId(randomUUID())
    const saga = randomUUID()
    const input = JSON.stringify({ passId: pass, jobId: job, ...more })
    const fresh = { state: 'running', epoch: 0, next_seq: 0, cancel_requested: false, created_at: now() }
    await db('sagas').insert({ id: saga, kind: 'pass', input, ...fresh })
    await db('passes').insert({
      id: pass,
      job_id: job,
      number,
      saga_id: saga,
      state: 'intent',
      started_at: now(),
    })
    return { pass, saga }
  }
  const resume = async (saga: string, log: SagaLog = sagaLog(db, now, aHolder)) => {
    const held = await log.claim(saga)
    if (held === undefined) throw new Error('the saga is done')
    const options = {
      log,
      logger: silent,
      pause: () => Promise.resolve(),
      retryFirstMs: 1,
      retryMaxMs: 1,
      triesBeforeOperator: 3,
    }
    const signals = { stop: never, cancel: never }
    const verifications = verificationStore(db, now)
    switch (held.record.kind) {
      case 'verification':
        return runSaga(options, verifySaga, { ...deps, verifications }, held, signals)
      case 'restore':
        return runSaga(options, restoreSaga, deps, held, signals)
      default:
        return runSaga(options, passSaga, deps, held, signals)
    }
  }
  const stateOf = async (pass: string): Promise<unknown> =>
    (await db<{ id: string; state: string }>('passes').where('id', pass).first())?.state
  const identical = async (): Promise<boolean> => {
    for (const disk of (await store.job(job)).disks) {
      const shape = { key: disk.diskKey, capacityBytes: disk.capacityBytes }
      if (disk.volumeId === null || !(await site.isIdentical(shape, disk.volumeId))) return false
    }
    return true
  }
  /** Of the disks as the guest has them now. */
  const sourceDigest = (): Promise<string> => site.digest()
  /** Of the volumes, each as far as its disk goes. */
  const volumesDigest = async (): Promise<string> =>
    site.digest(
      (await store.job(job)).disks.map(disk => {
        if (disk.volumeId === null) throw new Error(`disk ${disk.diskKey} has no volume`)
        return { key: disk.diskKey, volume: disk.volumeId }
      }),
    )
  const replica = async () => {
    const row = await db<JobRow>('replication_jobs').where('id', job).first()
    if (row === undefined) throw new Error('no job')
    return readReplica(db, row)
  }
  const leftovers = async () => ({
    snapshots: await site.snapshots(),
    sockets: await readdir(socketDir),
    staged: await readdir(stagingDir),
  })
  return {
    site,
    store,
    job,
    stagingDir,
    undoDir,
    deps,
    service,
    pointIdOf: pointId,
    begin,
    resume,
    stateOf,
    identical,
    restartDaemon,
    sourceDigest,
    volumesDigest,
    replica,
    leftovers,
    db,
  }
}
