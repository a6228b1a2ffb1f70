import t from 'tap'
import { containerView, loggedIn, startSimulator } from './vcenter-fixture.js'
import { collect, envelope, faultOf, propertyCollector, RawClient, sessionManager } from './vcenter-soap.js'

void t.test('sessions', async t => {
  let clockMs = 0
  const simulator = await startSimulator(t, { sessionIdleMs: 200, nowMs: () => clockMs })
  const client = new RawClient(simulator)

  void t.test('what needs no session is answered without one, the rest is refused', async t => {
    const content = await client.ok(
      'RetrieveServiceContent',
      '<_this type="ServiceInstance">ServiceInstance</_this>',
    )
    t.match(content, '<apiType>VirtualCenter</apiType><apiVersion>8.0')
    t.match(content, '<rootFolder type="Folder">group-d1</rootFolder><propertyCollector')
    const reply = await client.call('CurrentTime', '<_this type="ServiceInstance">ServiceInstance</_this>')
    t.equal(faultOf(reply), 'NotAuthenticated')
    t.match(reply.body, '<faultcode>ServerFaultCode</faultcode>')
    t.match(reply.body, '<privilegeId>System.View</privilegeId>')
  })
  void t.test('a wrong password is InvalidLogin, sets no cookie and is counted', async t => {
    const reply = await client.login('wrong')
    t.equal(faultOf(reply), 'InvalidLogin')
    t.equal(reply.headers['set-cookie'], undefined)
    t.equal(simulator.failedLogins, 1)
  })
  void t.test('login, use, logout', async t => {
    const reply = await client.login()
    t.equal(reply.status, 200)
    t.match(
      reply.headers['set-cookie']?.[0],
      /^vmware_soap_session="[0-9a-f]{40}"; Path=\/; HttpOnly; Secure/,
    )
    t.match(
      await client.ok('CurrentTime', '<_this type="ServiceInstance">ServiceInstance</_this>'),
      'returnval',
    )
    t.equal(faultOf(await client.login()), 'InvalidLogin', 'a session that is logged in cannot log in again')
    t.match(
      await client.property('SessionManager', 'SessionManager', 'currentSession'),
      `<userName>${simulator.user}<`,
    )
    await client.ok('Logout', sessionManager)
    t.equal(faultOf(await client.call('Logout', sessionManager)), 'NotAuthenticated')
  })
  void t.test('an idle session expires', async t => {
    client.cookie = null
    await client.login()
    t.equal(simulator.sessionCount, 1)
    clockMs += 250
    t.equal(faultOf(await client.call('Logout', sessionManager)), 'NotAuthenticated')
  })
  void t.test('a session cannot use the view of another', async t => {
    const other = new RawClient(simulator)
    client.cookie = null
    await client.login()
    await other.login()
    const view = await client.ok('CreateContainerView', containerView('VirtualMachine'))
    const id = /<returnval type="ContainerView">([^<]+)</.exec(view)?.[1] ?? ''
    const destroy = `<_this type="ContainerView">${id}</_this>`
    t.equal(faultOf(await other.call('DestroyView', destroy)), 'ManagedObjectNotFound')
    t.equal((await client.call('DestroyView', destroy)).status, 200)
    t.equal(faultOf(await client.call('DestroyView', destroy)), 'ManagedObjectNotFound')
  })
})

void t.test('requests that the schema does not allow', async t => {
  const { client } = await loggedIn(t)
  const vm = '<_this type="VirtualMachine">vm-101</_this>'
  const refused = async (
    name: string,
    inner: string,
    fault: string,
    text: string | RegExp,
  ): Promise<void> => {
    const reply = await client.call(name, inner)
    t.equal(faultOf(reply), fault, `${name} ${inner.slice(0, 160)}`)
    t.match(reply.body, text)
  }
  const wrong = 'InvalidRequest'
  await refused(
    'CreateSnapshot_Task',
    `${vm}<memory>false</memory><name>x</name><quiesce>false</quiesce>`,
    wrong,
    /name is missing/,
  )
  await refused(
    'CreateSnapshot_Task',
    `${vm}<name>x</name><quiesce>false</quiesce><memory>false</memory>`,
    wrong,
    /out of order/,
  )
  await refused(
    'CreateSnapshot_Task',
    `${vm}<name>x</name><memory>false</memory>`,
    wrong,
    /quiesce is missing/,
  )
  await refused(
    'CreateSnapshot_Task',
    `${vm}<name>x</name><memory>maybe</memory><quiesce>false</quiesce>`,
    wrong,
    /not a valid boolean/,
  )
  await refused(
    'CreateSnapshot_Task',
    `${vm}<name>x</name><memory>false</memory><quiesce>false</quiesce><extra/>`,
    wrong,
    /"extra" seen/,
  )
  await refused(
    'CreateSnapshot_Task',
    `<name>x</name>${vm}<memory>false</memory><quiesce>false</quiesce>`,
    wrong,
    /_this is missing/,
  )
  await refused('NoSuchMethod', vm, wrong, /Unable to resolve WSDL method name NoSuchMethod/)
  await refused(
    'PowerOffVM_Task',
    '<_this type="Folder">group-d1</_this>',
    'MethodNotFound',
    /PowerOffVM_Task/,
  )
  await refused(
    'PowerOffVM_Task',
    '<_this type="VirtualMachine">vm-9999</_this>',
    'ManagedObjectNotFound',
    /already been deleted/,
  )
  await refused(
    'PowerOffVM_Task',
    '<_this type="Folder">vm-101</_this>',
    'ManagedObjectNotFound',
    /vim.Folder:vm-101/,
  )
  await refused('PowerOffVM_Task', '<_this type="Nonsense">vm-101</_this>', 'InvalidType', /unknown type/)
  await refused('PowerOffVM_Task', '<_this>vm-101</_this>', wrong, /not a reference/)
  await refused(
    'QueryChangedDiskAreas',
    `${vm}<deviceKey>2000000000000</deviceKey><startOffset>0</startOffset><changeId>*</changeId>`,
    wrong,
    /not a valid int/,
  )
  await refused(
    'RetrievePropertiesEx',
    collect('VirtualMachine', 'vm-101', 'name', ''),
    wrong,
    /options is missing/,
  )
  await refused(
    'RetrievePropertiesEx',
    collect('VirtualMachine', 'vm-101', 'nonsense'),
    'InvalidProperty',
    /<name>nonsense</,
  )
  await refused(
    'RetrievePropertiesEx',
    collect('VirtualMachine', 'vm-101', 'config.hardware.device.key'),
    'InvalidProperty',
    /device.key/,
  )
  const selection = (inner: string): string =>
    `${propertyCollector}<specSet><propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet>` +
    `<obj type="Folder">group-d1</obj>${inner}</objectSet></specSet><options/>`
  await refused(
    'RetrievePropertiesEx',
    selection('<selectSet><type>Folder</type><path>childEntity</path></selectSet>'),
    wrong,
    /"type" seen in SelectionSpec/,
  )
  await refused(
    'RetrievePropertiesEx',
    selection('<selectSet xsi:type="PropertySpec"><type>Folder</type></selectSet>'),
    'InvalidType',
    /selectSet/,
  )
  await refused(
    'RetrievePropertiesEx',
    selection('<selectSet xsi:type="TraversalSpec"><path>childEntity</path><type>Folder</type></selectSet>'),
    wrong,
    /out of order/,
  )
  await refused(
    'ReconfigVM_Task',
    `${vm}<spec><changeTrackingEnabled>true</changeTrackingEnabled><name>n</name></spec>`,
    wrong,
    /out of order/,
  )
  await refused('ReconfigVM_Task', `${vm}<spec><numCPUs>4</numCPUs></spec>`, 'NotSupported', /numCPUs/)
  await refused(
    'CreateSnapshotEx_Task',
    `${vm}<name>x</name><memory>false</memory><quiesceSpec><timeout>1</timeout></quiesceSpec>`,
    'InvalidArgument',
    /quiesceSpec.timeout/,
  )
})

void t.test('documents and HTTP requests that are refused before the schema', async t => {
  const { client } = await loggedIn(t)
  const good = envelope(
    '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>',
  )
  const now = async (body: string, options = {}) => client.send(body, options)
  t.equal((await now(good)).status, 200)
  t.equal((await now(good, { headers: { SOAPAction: 'urn:vim25/6.5' } })).status, 200)
  t.equal(faultOf(await now(good, { headers: { SOAPAction: 'urn:other' } })), 'InvalidRequest')
  t.equal(faultOf(await now(good.replace('urn:vim25', 'urn:vim26'))), 'InvalidRequest')
  t.equal(faultOf(await now(good.replace('</CurrentTime>', ''))), 'InvalidRequest', 'not well formed')
  t.equal(
    faultOf(await now(good.replace('ServiceInstance</', '&nbsp;</'))),
    'InvalidRequest',
    'unknown entity',
  )
  const bomb = good.replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>')
  t.match((await now(bomb)).body, 'document type declaration is not allowed')
  t.equal((await now(good, { method: 'GET' })).status, 405)
  t.equal((await now(good, { headers: { 'Content-Type': 'application/json' } })).status, 415)
  t.equal((await now(good, { path: '/other' })).status, 404)
  const large = await now(good + ' '.repeat(2 * 1024 * 1024)).catch(() => ({ status: 413 }))
  t.equal(large.status, 413)
  const prefixed =
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="urn:vim25"><e:Header/><e:Body>' +
    '<v:CurrentTime><v:_this type="ServiceInstance">ServiceInstance</v:_this></v:CurrentTime></e:Body></e:Envelope>'
  t.equal((await now(prefixed)).status, 200, 'prefixes are the client’s choice')
})

void t.test('faults on demand', async t => {
  const { simulator, client } = await loggedIn(t)
  const vm = '<_this type="VirtualMachine">vm-101</_this>'
  const snapshot = `${vm}<name>s</name><memory>false</memory><quiesce>false</quiesce>`
  simulator.faults.add({
    kind: 'fail-method',
    method: 'CreateSnapshot_Task',
    fault: 'HostCommunication',
    times: 1,
  })
  t.equal(faultOf(await client.call('CreateSnapshot_Task', snapshot)), 'HostCommunication')
  simulator.faults.add({
    kind: 'fail-task',
    descriptionId: 'VirtualMachine.createSnapshot',
    fault: 'SnapshotFault',
    times: 1,
  })
  const failed = await client.task('CreateSnapshot_Task', snapshot)
  t.match(failed.info, '<error><fault xsi:type="SnapshotFault"></fault>')
  const release = simulator.faults.add({ kind: 'hold-task', descriptionId: 'VirtualMachine.createSnapshot' })
  const held = client.task('CreateSnapshot_Task', snapshot)
  const other = new RawClient(simulator)
  other.cookie = client.cookie
  let busy = await other.call('PowerOffVM_Task', vm)
  while (faultOf(busy) !== 'TaskInProgress') busy = await other.call('CreateSnapshot_Task', snapshot)
  release()
  t.equal((await held).state, 'success')
  simulator.faults.add({ kind: 'drop-session', method: 'CurrentTime', times: 1 })
  const dropped = await client.call('CurrentTime', '<_this type="ServiceInstance">ServiceInstance</_this>')
  t.equal(faultOf(dropped), 'NotAuthenticated')
  t.equal(simulator.sessionCount, 0)
  simulator.faults.add({ kind: 'refuse-login', times: 1 })
  client.cookie = null
  t.equal(faultOf(await client.login()), 'InvalidLogin')
  t.equal((await client.login()).status, 200)
  simulator.faults.add({ kind: 'cut-connection', method: 'CreateSnapshot_Task', after: true, times: 1 })
  await t.rejects(client.call('CreateSnapshot_Task', snapshot))
  t.equal(simulator.calls.at(-1)?.method, 'CreateSnapshot_Task')
})
