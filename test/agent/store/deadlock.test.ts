import t, { type Test } from 'tap'
import { migrate, openDatabase, storeCall } from '../../../agent/store/database.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { startMariadb } from '../../lib/mariadb.js'

async function open(t: Test) {
  const database = await startMariadb(t)
  await migrate(database.db)
  const { socketPath } = database
  const options = { socketPath, user: 'root', database: 'ossea', poolSize: 16, onNotice: () => undefined }
  const db = openDatabase(options)
  t.teardown(() => db.destroy())
  return db
}

void t.test('a transaction that InnoDB sacrifices to end a deadlock is run again', async t => {
  const db = await open(t)
  await db.raw('CREATE TABLE pair (id INT PRIMARY KEY, n INT NOT NULL)')
  await db.raw('INSERT INTO pair VALUES (1, 0), (2, 0)')
  let tries = 0
  let meet: () => void = () => undefined
  const both = new Promise<void>(resolve => {
    meet = resolve
  })
  const crosswise = (first: number, second: number) =>
    storeCall('adding crosswise', () =>
      db.transaction(async tx => {
        tries += 1
        await tx('pair').where({ id: first }).increment('n')
        if (tries === 2) meet()
        await both
        await tx('pair').where({ id: second }).increment('n')
      }),
    )
  await Promise.all([crosswise(1, 2), crosswise(2, 1)])
  t.equal(tries, 3, 'one of the two ran twice')
  t.same(
    (await db('pair').orderBy('id').select<{ n: number }[]>('n')).map(row => row.n),
    [2, 2],
    'and counts once',
  )
})

void t.test('many sagas queue work and many VMAs take it, all at once', async t => {
  const db = await open(t)
  const store = taskBoardStore(db, () => new Date())
  const owners = Array.from({ length: 60 }, (_, index) => `saga-${index}/inspect`)
  const ids = await Promise.all(
    owners.map(owner => store.ensure({ owner, kind: 'inspect-vm', subject: owner.slice(0, 6), input: null })),
  )
  t.equal(new Set(ids).size, owners.length)
  const leases = (await Promise.all(owners.map(() => store.lease('vma', 60_000)))).filter(
    lease => lease !== undefined,
  )
  const subjects = new Set(owners.map(owner => owner.slice(0, 6)))
  t.equal(leases.length, subjects.size, 'one for each subject')
  t.equal(new Set(leases.map(lease => lease.id)).size, leases.length, 'each given out once')
  const rows = await db('worker_tasks').where({ state: 'leased' }).select<{ subject: string }[]>('subject')
  t.equal(new Set(rows.map(row => row.subject)).size, leases.length)
})
