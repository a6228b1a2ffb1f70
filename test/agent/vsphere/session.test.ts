import t from 'tap'
import { callsOf, clientOf, refused, signal, startSite } from './fixture.js'

void t.test('one login for many calls, a logout at the end', async t => {
  const { simulator, client } = await startSite(t)
  t.equal(callsOf(simulator, 'Login'), 0, 'nothing before it is needed')
  await Promise.all([client.checkConnection(signal), client.checkConnection(signal)])
  await client.checkConnection(signal)
  t.equal(callsOf(simulator, 'Login'), 1)
  t.equal(await client.thumbprintSha1(signal), simulator.thumbprintSha1)
  await client.close()
  t.equal(callsOf(simulator, 'Logout'), 1)
  t.equal(simulator.sessionCount, 0)
})

void t.test('a session that ended is renewed, once', async t => {
  const { simulator, client } = await startSite(t)
  await client.checkConnection(signal)
  simulator.dropSessions()
  await Promise.all([client.checkConnection(signal), client.checkConnection(signal)])
  t.equal(callsOf(simulator, 'Login'), 2, 'the callers share the new login')
  simulator.faults.add({ kind: 'drop-session', method: 'RetrievePropertiesEx' })
  const message = await refused(t, 'VSPHERE_FAULT', client.checkConnection(signal))
  t.match(message, /NotAuthenticated/)
  t.equal(callsOf(simulator, 'Login'), 3)
})

void t.test('refused credentials are tried twice, then not until they change', async t => {
  let password = 'wrong-one'
  const { simulator, client } = await startSite(t, {}, {})
  const guessing = clientOf(t, simulator, {
    credentials: async () => ({ user: simulator.user, password }),
  })
  for (let attempt = 0; attempt < 5; attempt++) {
    const message = await refused(t, 'VSPHERE_LOGIN_REFUSED', guessing.checkConnection(signal))
    t.notMatch(message, /wrong-one/)
  }
  t.equal(simulator.failedLogins, 2)
  const before = simulator.calls.length
  await refused(t, 'VSPHERE_LOGIN_REFUSED', guessing.checkConnection(signal))
  t.equal(simulator.calls.length, before, 'vCenter is not asked at all')
  password = 'wrong-two'
  await refused(t, 'VSPHERE_LOGIN_REFUSED', guessing.checkConnection(signal))
  password = 'wrong-one'
  await refused(t, 'VSPHERE_LOGIN_REFUSED', guessing.checkConnection(signal))
  t.equal(simulator.failedLogins, 3, 'an earlier one does not become new again')
  password = simulator.password
  await guessing.checkConnection(signal)
  await client.checkConnection(signal)
})

void t.test('a lost connection: a question is asked again', async t => {
  const { simulator, client } = await startSite(t)
  await client.checkConnection(signal)
  simulator.faults.add({ kind: 'cut-connection', method: 'RetrievePropertiesEx', after: true, times: 2 })
  await client.checkConnection(signal)
  simulator.faults.add({ kind: 'cut-connection', method: 'RetrievePropertiesEx', after: false })
  await refused(t, 'VSPHERE_UNREACHABLE', client.checkConnection(signal))
})

void t.test('a missing privilege is named', async t => {
  const { simulator, client } = await startSite(t)
  simulator.faults.add({
    kind: 'fail-method',
    method: 'CreateSnapshot_Task',
    fault: 'NoPermission',
    fields: {
      object: { kind: 'ref', type: 'VirtualMachine', id: 'vm-101' },
      privilegeId: 'VirtualMachine.State.CreateSnapshot',
    },
  })
  const message = await refused(
    t,
    'VSPHERE_PERMISSION_MISSING',
    client.createSnapshot({ moref: 'vm-101', name: 'x', description: '', quiesce: false }, signal),
  )
  t.match(message, /VirtualMachine\.State\.CreateSnapshot/)
})

void t.test('an aborted call ends with the reason of its signal', async t => {
  const { simulator, client } = await startSite(t)
  await client.checkConnection(signal)
  simulator.faults.add({ kind: 'delay-method', method: 'RetrievePropertiesEx', delayMs: 1_000, times: 1 })
  const stop = new AbortController()
  const call = client.checkConnection(stop.signal)
  stop.abort(new Error('enough'))
  await t.rejects(call, { message: 'enough' })
  await client.checkConnection(signal)
})
