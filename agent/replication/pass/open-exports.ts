import { AppError } from '../../errors.js'
import { type PassDeps } from '../deps.js'
import { type PassContext, type PassStep } from './context.js'

type Opened = {
  readonly exports: readonly {
    readonly diskKey: string
    readonly socket: string
    readonly exportName: string
  }[]
}

/** The volume daemon proves each device's identity and serves it under a name nobody used before. */
export const openExports: PassStep<Opened> = {
  name: 'open-exports',
  title: 'Prove and export the target volumes',
  run: async ({ store, exports }, { input, signal }) => {
    const job = await store.job(input.jobId)
    const opened = []
    for (const disk of job.disks) {
      if (disk.volumeId === null) throw new AppError('VOLUME_UNKNOWN', `disk ${disk.diskKey} has no volume`)
      const { socket, exportName } = await exports.open(disk.volumeId, disk.capacityBytes, signal)
      opened.push({ diskKey: disk.diskKey, socket, exportName })
    }
    return { exports: opened }
  },
  undo: closeAll,
}

/** Before the commit nobody may be able to write any more: what was flushed is what is committed. */
export const closeExports: PassStep<null> = {
  name: 'close-exports',
  title: 'Close the exports',
  run: async (deps, context) => {
    await closeAll(deps, context)
    return null
  },
}

async function closeAll({ store, exports }: PassDeps, { input, signal }: PassContext): Promise<void> {
  const job = await store.job(input.jobId)
  for (const disk of job.disks) if (disk.volumeId !== null) await exports.close(disk.volumeId, signal)
}
