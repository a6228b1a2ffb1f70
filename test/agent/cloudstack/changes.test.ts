import t from 'tap'
import { Changes } from '../../../agent/cloudstack/changes.js'
import { startCloud } from '../../lab/cloudstack-fixture.js'
import { clientOf, MemoryJournal, pause, quick } from './client-fixture.js'

const never = new AbortController().signal

void t.test('what a lost call does late is adopted, not done twice', async t => {
  const { cloud } = await startCloud(t, { devices: 'file' })
  const api = clientOf(cloud)
  t.teardown(() => api.close())
  const journal = new MemoryJournal()
  let sent = 0
  journal.beforeWrite = what => {
    if (what === 'intend') sent += 1
  }
  const changes = new Changes({ ...quick, api, journal, pause })
  const wish = (command: string, seenAt: number) => {
    let looks = 0
    const observe = () => Promise.resolve((looks += 1) >= seenAt ? looks : undefined)
    return { operation: `late ${command} ${seenAt}`, command, parameters: {}, observe }
  }
  cloud.faults.add({ kind: 'cut-connection', command: 'createVolume', after: false })
  t.equal(await changes.ensure(wish('createVolume', 3), never), 3, 'the second look after the loss')
  t.equal(sent, 1)
  t.same(journal.ends, [['late createVolume 3', 'adopted']])

  sent = 0
  t.equal(await changes.ensure(wish('createVolume', 4), never), 4)
  t.equal(sent, 2, 'two looks in vain: sent again')

  sent = 0
  await t.rejects(changes.ensure(wish('createVolume', 99), never), { code: 'CLOUDSTACK_UNREACHABLE' })
  t.equal(sent, 3, 'but not for ever')
  t.same(journal.entries.get('late createVolume 99'), { state: 'intended' }, 'and remembered as doubtful')
  sent = 0
  t.equal(await changes.ensure(wish('createVolume', 2), never).then(() => sent), 1)
  const doubtful = { ...wish('createVolume', 2), operation: 'late createVolume 99' }
  sent = 0
  t.equal(await changes.ensure(doubtful, never), 2)
  t.equal(sent, 0, 'a restarted agent looks twice before it sends')
})
