import t from 'tap'
import { migrate, openDatabase } from '../../../agent/store/database.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { startMariadb } from '../../lib/mariadb.js'

void t.test('transactions that InnoDB sacrifices to end a deadlock are run again', async t => {
  const database = await startMariadb(t)
  await migrate(database.db)
  const db = openDatabase({
    socketPath: database.socketPath,
    user: 'root',
    database: 'ossea',
    poolSize: 16,
    onNotice: () => undefined,
  })
  t.teardown(() => db.destroy())
  const store = taskBoardStore(db, () => new Date())
  const owners = Array.from({ length: 60 }, (_, index) => `saga-${index}/inspect`)
  const ids = await Promise.all(
    owners.map(owner => store.ensure({ owner, kind: 'inspect-vm', subject: owner, input: null })),
  )
  t.equal(new Set(ids).size, owners.length)
  const leases = await Promise.all(owners.map(() => store.lease('vma', 60_000)))
  t.same(leases.map(lease => lease?.id ?? 'none').sort(), [...ids].sort(), 'each is given out once')
  const [row] = await db.raw<[{ Value: string }[]]>(`SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'`)
  t.ok(Number(row?.[0]?.Value) > 0, 'there were deadlocks to survive')
})
