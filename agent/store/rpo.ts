import { randomUUID } from 'node:crypto'
import { jobId } from '../domain/ids.js'
import { type RpoMember, type RpoStore } from '../schedule/deps.js'
import { type WaitReason } from '../schedule/reasons.js'
import { type RpoState } from '../schedule/rpo.js'
import { storeCall, type Database } from './database.js'
import { factsOf } from './job-facts.js'
import { newRound } from './new-round.js'
import { type RoundStoreOptions } from './rounds.js'
import { inTurn, rulesOf, type EntryRow, type GroupRow, type MemberRow } from './schedule-rows.js'

type TargetRow = GroupRow &
  Pick<MemberRow, 'job_id' | 'added_at'> & {
    readonly vm_name: string
    readonly recovery_point_at: Date | null
    readonly last_started_at: Date | null
    readonly last_ended_at: Date | null
    readonly running_since: Date | null
  }

export interface RpoFindingRow {
  readonly id: string
  readonly group_id: string
  readonly group_name: string
  readonly job_id: string
  readonly vm_name: string
  readonly kind: 'at-risk' | 'missed'
  readonly why: string
  readonly since: Date
  readonly ended_at: Date | null
}

/** What the scheduler needs to keep RPO targets, and what it said of them. */
export function rpoStore(db: Database, { now, isWorkerThere }: RoundStoreOptions): RpoStore {
  return {
    members: () =>
      storeCall('looking at RPO targets', async () => ({
        members: await readMembers(db),
        isWorkerThere: await isWorkerThere(db),
      })),
    pull: (group, jobs) =>
      storeCall(`starting passes of group ${group} earlier`, () =>
        inTurn(db, async tx => {
          const row = await tx<GroupRow>('replication_groups').where('id', group).first()
          if (row === undefined) return undefined
          const waiting = await tx<EntryRow>('round_entries').whereIn('queued_job_id', [...jobs])
          const left = jobs.filter(job => !waiting.some(entry => entry.job_id === job))
          if (left.length === 0) return undefined
          const firedAt = now()
          return newRound(tx, row, {
            trigger: 'rpo',
            schedule: null,
            slotAt: null,
            isLate: false,
            firedAt,
            jobs: left,
          })
        }),
      ),
    record: states =>
      storeCall('recording RPO findings', async () => {
        const isSaid = states.every(({ state }) => state.kind === 'kept')
        const open = await db('rpo_findings').whereNull('ended_at').first<{ id: string } | undefined>('id')
        if (isSaid && open === undefined) return []
        return inTurn(db, tx => record(tx, now(), states))
      }),
  }
}

const runningSince = `(SELECT MIN(r.started_at) FROM passes r JOIN sagas s ON s.id = r.saga_id
  WHERE r.job_id = j.id AND s.state <> 'done') AS running_since`

async function readMembers(db: Database): Promise<RpoMember[]> {
  const rows = await db('replication_groups as g')
    .join('group_members as m', 'm.group_id', 'g.id')
    .join('replication_jobs as j', 'j.id', 'm.job_id')
    .leftJoin('passes as p', 'p.id', 'j.recovery_point_pass_id')
    .whereNotNull('g.rpo_seconds')
    .where('m.enabled', true)
    .select<TargetRow[]>(
      'g.*',
      'm.job_id',
      'm.added_at',
      'j.vm_name',
      'j.recovery_point_at',
      {
        last_started_at: 'p.started_at',
        last_ended_at: 'p.ended_at',
      },
      db.raw(runningSince),
    )
  if (rows.length === 0) return []
  const jobs = rows.map(row => row.job_id)
  const facts = await factsOf(db, jobs)
  const waiting = await db<EntryRow>('round_entries').whereIn('queued_job_id', jobs)
  const pulls: { job_id: string; group_id: string; at: Date }[] = await db('round_entries as e')
    .join('rounds as r', 'r.id', 'e.round_id')
    .where('r.triggered_by', 'rpo')
    .whereIn('e.job_id', jobs)
    .groupBy('e.job_id', 'r.group_id')
    .select('e.job_id', 'r.group_id', db.raw('MAX(r.fired_at) AS at'))
  return rows.map(row => {
    const entry = waiting.find(one => one.job_id === row.job_id)
    const pull = pulls.find(one => one.job_id === row.job_id && one.group_id === row.id)
    return {
      group: rulesOf(row),
      groupName: row.name,
      rpoMs: (row.rpo_seconds ?? 0) * 1000,
      jobId: jobId(row.job_id),
      vmName: row.vm_name,
      facts: facts(row.job_id, true),
      recoveryPointAt: row.recovery_point_at,
      memberSince: row.added_at,
      passMs:
        row.last_started_at === null || row.last_ended_at === null
          ? null
          : row.last_ended_at.getTime() - row.last_started_at.getTime(),
      passStartedAt: row.running_since,
      queued:
        entry === undefined ? null : { reason: (entry.reason ?? 'new') as WaitReason, detail: entry.detail },
      pulledAt: pull?.at ?? null,
    }
  })
}

type Judged = Parameters<RpoStore['record']>[0][number]

/** Gives what is new. A finding whose reason changes goes on with the new one. */
async function record(tx: Database, at: Date, judged: readonly Judged[]): Promise<readonly Judged[]> {
  const open = await tx<RpoFindingRow>('rpo_findings').whereNull('ended_at')
  const changed: Judged[] = []
  const said = new Set<string>()
  for (const one of judged) {
    const { member, state } = one
    const finding = open.find(row => row.group_id === member.group.id && row.job_id === member.jobId)
    if (finding !== undefined && finding.kind === state.kind) {
      said.add(finding.id)
      if (finding.why !== state.why)
        await tx('rpo_findings').where('id', finding.id).update({ why: state.why })
      continue
    }
    if (state.kind !== 'kept') await begin(tx, at, member, state)
    if (finding !== undefined || state.kind !== 'kept') changed.push(one)
  }
  const over = open.filter(row => !said.has(row.id)).map(row => row.id)
  if (over.length > 0) await tx('rpo_findings').whereIn('id', over).update({ ended_at: at })
  return changed
}

const begin = (tx: Database, at: Date, member: RpoMember, state: Exclude<RpoState, { kind: 'kept' }>) =>
  tx('rpo_findings').insert({
    id: randomUUID(),
    group_id: member.group.id,
    group_name: member.groupName,
    job_id: member.jobId,
    vm_name: member.vmName,
    kind: state.kind,
    why: state.why,
    since: at,
  })
