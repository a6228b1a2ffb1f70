import { type JobView } from '../../agent/api/schemas.js'
import { CloudAdmin } from '../site/cloud-admin.js'
import { findNbdkits } from '../site/processes.js'
import { type LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type Breakage } from './broken-pass.js'

export const nothing = (): Promise<void> => Promise.resolve()

/** Of the first disk of the job. */
export async function volumeOf(site: LabSite, job: JobView): Promise<string> {
  const { disks } = await site.operator.job(job.id)
  const volume = disks[0]?.volumeId
  if (volume === undefined || volume === null) throw new Error(`job ${job.id} has no volume`)
  return volume
}

export const adminOf = (site: LabSite): CloudAdmin => new CloudAdmin(site.cloudstack)

/** What goes wrong on a site where everything was right. */
export const breakages: readonly Breakage[] = [
  {
    what: 'wrong vCenter password',
    codes: ['VSPHERE_LOGIN_REFUSED'],
    when: 'before',
    cause: async site => {
      await site.product.writeVcenterPassword('not-the-password')
      await site.product.kill('vma')
      await site.product.start('vma')
    },
    repair: site => site.product.writeVcenterPassword(site.vcenter.password),
  },
  {
    what: 'the source server dies in mid-copy',
    codes: [null],
    when: 'copying',
    cause: async site => {
      const [reader] = await findNbdkits(`libdir=${site.vcenter.vddkLibraryDir}`)
      if (reader === undefined) throw new Error('no disk is being read')
      process.kill(reader.pid, 'SIGKILL')
    },
    repair: nothing,
  },
  {
    what: 'the source host cuts the connection in mid-copy',
    codes: [null, 'SOURCE_READ_FAILED'],
    when: 'copying',
    cause: async site => {
      await site.vcenter.setReaderFaults({ failFromOffsetBytes: 0n })
      await untilNoReader(site)
    },
    repair: nothing,
  },
  {
    what: 'the device of a target volume dies',
    // A loop device that lost its size answers ENOSPC to some writes and EINVAL or EIO to others.
    // What is staged goes on without it, and then meets a volume that has become too small.
    codes: ['TARGET_WRITE_FAILED', 'TARGET_FLUSH_FAILED', 'TARGET_FULL', 'TARGET_VOLUME_TOO_SMALL'],
    when: 'copying',
    cause: async (site, job) => site.cloudstack.breakDevice(await volumeOf(site, job)),
    repair: async (site, job) => adminOf(site).detachVolume(await volumeOf(site, job)),
  },
  {
    what: 'MariaDB is killed in mid-pass',
    codes: [null],
    when: 'copying',
    cause: async site => {
      await site.mariadb.kill()
    },
    repair: site => site.mariadb.start(),
  },
  {
    what: 'the OMA is killed in mid-pass',
    codes: [null],
    when: 'copying',
    cause: site => site.product.kill('oma'),
    repair: site => site.product.start('oma'),
  },
  {
    what: 'the VMA is killed in mid-pass',
    codes: [null],
    when: 'copying',
    cause: site => site.product.kill('vma'),
    repair: site => site.product.start('vma'),
  },
  {
    what: 'the volume daemon is killed in mid-pass',
    codes: [null],
    when: 'copying',
    cause: async site => {
      await site.product.kill('volumed')
    },
    repair: site => site.product.start('volumed'),
  },
]

const untilNoReader = (site: LabSite): Promise<true> =>
  until(
    'the readers end',
    async () =>
      (await findNbdkits(`libdir=${site.vcenter.vddkLibraryDir}`)).length === 0 ? true : undefined,
    30_000,
  )
