import { PointExportList, PointList, RestoreView, type PointView } from '../../agent/api/points.js'
import { VerificationList } from '../../agent/api/verification.js'
import type { PageContext, Read } from '../page.js'
import type { Tone } from '../view.js'

export const pointsOf = (jobId: string): Read<typeof PointList> => ({
  key: `points ${jobId}`,
  what: 'the recovery points',
  schema: PointList,
  everyMs: 5000,
  ask: (client, signal) => client.points.list(jobId, signal),
})

export const pointExports: Read<typeof PointExportList> = {
  key: 'point-exports',
  what: 'the exported recovery points',
  schema: PointExportList,
  everyMs: 5000,
  ask: async (client, signal) => ({ items: [...(await client.points.exports(signal))] }),
}

export const comparisonsOf = (jobId: string): Read<typeof VerificationList> => ({
  key: `point-verifications ${jobId}`,
  what: 'the verifications',
  schema: VerificationList,
  everyMs: 10_000,
  ask: async (client, signal) => ({ items: await client.verifications(jobId, signal) }),
})

export const restoreOf = (id: string): Read<typeof RestoreView> => ({
  key: `restore ${id}`,
  what: 'the restore',
  schema: RestoreView,
  everyMs: 1000,
  ask: (client, signal) => client.points.restore(id, signal),
})

interface Words {
  readonly words: string
  readonly tone: Tone
}

export function standingWords({ standing, isUsable }: PointView): Words {
  switch (standing.kind) {
    case 'committed':
      return { words: '>  being applied', tone: 'warn' }
    case 'on-volume':
      return { words: 'ok on its volumes', tone: 'good' }
    case 'kept':
      return isUsable ? { words: 'ok kept', tone: 'good' } : { words: '!! not usable', tone: 'bad' }
    case 'expired':
      return { words: '-- let go', tone: 'dim' }
    case 'deleted':
      return { words: '-- deleted', tone: 'dim' }
    case 'lost':
      return { words: '!! lost', tone: 'bad' }
  }
}

/** What the newest comparison of this very point with its source found. `not compared` is never `identical`. */
export function evidenceWords({ read }: PageContext, point: PointView): Words {
  const list = read(comparisonsOf(point.jobId)).value
  if (list === null) return { words: 'unknown', tone: 'dim' }
  const atMs = Date.parse(point.at)
  const found = list.items.find(item => Date.parse(item.recoveryPointAt) === atMs && item.endedAt !== null)
  if (found === undefined) return { words: 'not compared', tone: 'dim' }
  if (found.failure !== null) return { words: '!  failed', tone: 'warn' }
  switch (found.state) {
    case 'identical':
      return { words: 'ok identical', tone: 'good' }
    case 'different':
      return { words: '!! different', tone: 'bad' }
    case 'unknown':
    case null:
      return { words: '?  unknown', tone: 'warn' }
  }
}
