import { open } from 'node:fs/promises'
import { type JobView } from '../../agent/api/schemas.js'
import { type VerificationView } from '../../agent/api/verification.js'
import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const spec: VmSpec = {
  name: 'db-01',
  disks: [
    { sizeBytes: 96n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 64n * MIB }] },
    { sizeBytes: 24n * MIB + 512n, content: [{ kind: 'random', offsetBytes: MIB, lengthBytes: 8n * MIB }] },
  ],
}

/** What the volumes hold is not believed but looked at: now, and bit by bit in the background. */
export const sourceVerify: Scenario = {
  name: 'source-verify',
  title:
    'volumes of a VM that runs, verified on request and in the background; a spoilt one is found and mended',
  run: async ({ dir, cleanup, say, checks }) => {
    const scrub = { bytes_per_second: 4 * 1024 * 1024, look_minutes: 1, every_minutes: 1 }
    const writer = { bytesPerSec: 1024 * 1024 }
    const site = await LabSite.start({ dir, cleanup, say, vms: [spec], writer, scrub })
    const job = await site.createJob(spec.name)
    await proveCommitted(site, checks, spec.name, await whenIdle(() => runPass(site.operator, job, say)))
    const sound = await verify(site, job)
    checks.equal('of a VM that runs: identical', [sound.state, sound.failure], ['identical', null])
    for (const disk of sound.disks) {
      const [compared, leftOut] = [BigInt(disk.comparedBytes ?? '0'), BigInt(disk.leftOutBytes ?? '0')]
      checks.equal(
        `${disk.label}: every byte was compared or left out`,
        compared + leftOut === BigInt(disk.untilBytes),
        true,
      )
    }
    await site.vcenter.pauseWriter()
    await proveCommitted(site, checks, spec.name, await whenIdle(() => runPass(site.operator, job, say)))
    const [disk] = (await site.operator.job(job.id)).disks
    const volume = disk?.volumeId ?? ''
    await spoil(site.cloudstack.linkPath(volume), 70n * MIB + 9n)
    const spoilt = await verify(site, job)
    checks.equal(
      'one spoilt byte: found',
      spoilt.disks.map(each => [each.state, each.differingBlocks, each.firstDifference]),
      [
        ['different', 1, (70n * MIB).toString()],
        ['identical', 0, null],
      ],
    )
    const mending = await whenIdle(() => runPass(site.operator, job, say))
    await proveCommitted(site, checks, spec.name, mending)
    checks.equal(
      'the next pass compares that disk',
      mending.disks.map(each => each.syncType),
      ['compare', 'incremental'],
    )
    checks.equal('and it is sound again', (await verify(site, job)).state, 'identical')
    const scrubbed = await until(
      'a scrub has ended',
      async () =>
        (await site.operator.verifications(job.id)).find(
          one => one.trigger === 'scrub' && one.endedAt !== null,
        ),
      120_000,
    )
    checks.equal('the scrub keeps to its rate', scrubbed.bytesPerSecond, String(scrub.bytes_per_second))
    checks.that(
      'the scrub looked at something',
      scrubbed.state === 'identical',
      JSON.stringify(scrubbed.failure ?? scrubbed.state),
    )
    await until(
      'no scrub runs',
      async () =>
        (await site.operator.verifications(job.id)).every(one => one.sagaState === 'done') ? true : undefined,
      60_000,
    )
    await proveNothingLeft(site, checks)
    return { verifications: [sound, spoilt, scrubbed] }
  },
}

async function verify(site: LabSite, job: JobView): Promise<VerificationView> {
  const { id } = await whenIdle(() => site.operator.startVerification(job.id))
  return until(
    `verification ${id} ends`,
    async () => {
      const view = await site.operator.verification(id)
      return view.sagaState === 'done' ? view : undefined
    },
    60_000,
  )
}

/** A scrub may have come first. */
const whenIdle = <T>(ask: () => Promise<T>): Promise<T> =>
  until(
    'the job is idle',
    async () => {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'JOB_BUSY') return undefined
        throw error
      }
    },
    60_000,
  )

/** As a fault of the storage would, behind the back of everybody. */
async function spoil(device: string, offsetBytes: bigint): Promise<void> {
  const file = await open(device, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, Number(offsetBytes))
  byte[0] = (byte[0] ?? 0) ^ 0xff
  await file.write(byte, 0, 1, Number(offsetBytes))
  await file.sync()
  await file.close()
}
