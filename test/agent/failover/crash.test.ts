import t, { type Test } from 'tap'
import { type FailoverKind } from '../../../agent/domain/failover.js'
import { AppError } from '../../../agent/errors.js'
import { type ClosingAction } from '../../../agent/failover/sagas.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { breakingLog, closingOf, failoverStand, type FailoverTestStand } from '../../lib/failover-stand.js'
import { startMariadb } from '../../lib/mariadb.js'

const kinds: readonly FailoverKind[] = ['test', 'live', 'unplanned']
const killed = new AppError('STORE_UNAVAILABLE', 'killed by the test')
const broken = new AppError('CLOUDSTACK_FAULT', 'broken by the test')
const close = async (s: FailoverTestStand, id: string, action: ClosingAction) => {
  await s.admin.close(id, action, 'erp')
}

void t.test('failovers', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  await t.test('each comes up, and is closed in each way', async t => {
    for (const kind of kinds)
      for (const action of closingOf(kind)) {
        const s = await failoverStand(db)
        const id = await s.start(kind)
        t.same(await s.run(id), { kind: 'succeeded' }, `${kind} starts`)
        t.same(await s.wrong(id), [], `${kind} is up`)
        await close(s, id, action)
        t.same(await s.run(id), { kind: 'succeeded' }, `${kind}: ${action}`)
        t.same(await s.wrong(id), [], `${kind}: ${action} is right`)
      }
  })
  await t.test(
    'killed at any write of the step log: taken up again, nothing left, nothing doubled',
    async t => {
      for (const kind of kinds)
        for (const action of closingOf(kind)) await killedAnywhere(t, db, kind, action)
    },
  )
  await t.test(
    'any call fails before or after its effect: undone, the source serves, nothing left',
    async t => {
      for (const kind of kinds) await failingCalls(t, db, kind)
    },
  )
  await t.test('what closes it fails at any call: goes on when it is tried again', async t => {
    for (const kind of kinds) for (const action of closingOf(kind)) await failingClosing(t, db, kind, action)
  })
})

async function killedAnywhere(
  t: Test,
  db: Database,
  kind: FailoverKind,
  action: ClosingAction,
): Promise<void> {
  for (const phase of ['start', 'close'] as const) {
    for (let at = 0; ; at += 1) {
      const s = await failoverStand(db)
      const id = await s.start(kind)
      const log = breakingLog(db, at, killed)
      if (phase === 'start') await s.run(id, log)
      t.same((await s.run(id)).kind, 'succeeded', `${kind}, killed at write ${at} of its ${phase}`)
      await close(s, id, action)
      if (phase === 'close') await s.run(id, log)
      await s.run(id)
      t.same(await s.wrong(id), [], `${kind}, ${action}, killed at write ${at} of its ${phase}`)
      if (!log.broke()) break
    }
  }
}

/** The calls of a run that comes through, each once by its number. */
async function callsOf(db: Database, kind: FailoverKind): Promise<number> {
  const s = await failoverStand(db)
  await s.run(await s.start(kind))
  return s.site.calls.length
}

async function failingCalls(t: Test, db: Database, kind: FailoverKind): Promise<void> {
  const count = await callsOf(db, kind)
  for (let at = 0; at < count; at += 1)
    for (const moment of ['before', 'after'] as const) {
      const s = await failoverStand(db)
      const id = await s.start(kind)
      failOnce(s, at, moment)
      const outcome = await s.run(id)
      const name = s.site.calls[at] ?? ''
      t.not(outcome.kind, 'left', `${kind}: ${moment} ${name} (${at})`)
      if (outcome.kind === 'needs-operator') await s.run(id)
      t.same(await s.wrong(id), [], `${kind}: ${moment} ${name} (${at})`)
      t.ok(['failed', 'running', 'deciding'].includes((await s.rowOf(id)).state), `${kind} is over or up`)
    }
}

async function failingClosing(
  t: Test,
  db: Database,
  kind: FailoverKind,
  action: ClosingAction,
): Promise<void> {
  for (let at = 0; ; at += 1) {
    const s = await failoverStand(db)
    const id = await s.start(kind)
    await s.run(id)
    const before = s.site.calls.length
    failOnce(s, before + at, at % 2 === 0 ? 'before' : 'after')
    await close(s, id, action)
    let outcome = await s.run(id)
    if (outcome.kind === 'needs-operator') outcome = await s.run(id)
    if (outcome.kind === 'undone') {
      t.equal((await s.rowOf(id)).state, 'deciding', 'a commit that was refused leaves the window open')
      await close(s, id, action)
      outcome = await s.run(id)
    }
    t.same(outcome, { kind: 'succeeded' }, `${kind}: ${action}, call ${at} fails`)
    t.same(await s.wrong(id), [], `${kind}: ${action}, call ${at} fails`)
    if (s.site.calls.length <= before + at) return
  }
}

function failOnce(s: FailoverTestStand, at: number, moment: 'before' | 'after'): void {
  s.site.fault = (_call, when) => {
    if (when !== moment || s.site.calls.length !== at + 1) return
    s.site.fault = () => undefined
    throw broken
  }
}
