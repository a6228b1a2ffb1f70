import t from 'tap'
import { containerView, loggedIn } from './vcenter-fixture.js'
import { collect, faultOf, propertyCollector, RawClient } from './vcenter-soap.js'

void t.test('properties, traversal and paging', async t => {
  const { simulator, client } = await loggedIn(t, { generatedVms: 250 })
  const view = /ContainerView">([^<]+)</.exec(
    await client.ok('CreateContainerView', containerView('VirtualMachine')),
  )?.[1]
  const spec = (options: string): string =>
    `${propertyCollector}<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet>` +
    `<pathSet>runtime.powerState</pathSet></propSet><objectSet><obj type="ContainerView">${view ?? ''}</obj>` +
    '<skip>true</skip><selectSet xsi:type="TraversalSpec"><name>view</name><type>ContainerView</type>' +
    `<path>view</path><skip>false</skip></selectSet></objectSet></specSet>${options}`

  void t.test('pages by token until there is none', async t => {
    let body = await client.ok(
      'RetrievePropertiesEx',
      spec('<options><maxObjects>100</maxObjects></options>'),
    )
    const ids: string[] = []
    const sizes: number[] = []
    for (;;) {
      const page = [...body.matchAll(/<obj type="VirtualMachine">([^<]+)</g)].map(match => match[1] ?? '')
      sizes.push(page.length)
      ids.push(...page)
      const token = /<token>([^<]+)</.exec(body)?.[1]
      if (token === undefined) break
      body = await client.ok('ContinueRetrievePropertiesEx', `${propertyCollector}<token>${token}</token>`)
    }
    t.strictSame(sizes, [100, 100, 52])
    t.equal(new Set(ids).size, 252)
    t.match(body, '<name>runtime.powerState</name><val xsi:type="VirtualMachinePowerState">powered')
  })
  void t.test('a token is good once, and none after it was cancelled', async t => {
    const first = await client.ok(
      'RetrievePropertiesEx',
      spec('<options><maxObjects>100</maxObjects></options>'),
    )
    const token = `${propertyCollector}<token>${/<token>([^<]+)</.exec(first)?.[1] ?? ''}</token>`
    t.equal((await client.call('CancelRetrievePropertiesEx', token)).status, 200)
    t.equal(faultOf(await client.call('ContinueRetrievePropertiesEx', token)), 'InvalidArgument')
  })
  void t.test('a recursive traversal by name reaches every VM', async t => {
    const body = await client.ok(
      'RetrieveProperties',
      `${propertyCollector}<specSet><propSet><type>VirtualMachine</type><all>false</all><pathSet>name</pathSet></propSet>` +
        '<objectSet><obj type="Folder">group-d1</obj><skip>false</skip>' +
        '<selectSet xsi:type="TraversalSpec"><name>folder</name><type>Folder</type><path>childEntity</path>' +
        '<skip>false</skip><selectSet><name>folder</name></selectSet><selectSet><name>dc</name></selectSet></selectSet>' +
        '<selectSet xsi:type="TraversalSpec"><name>dc</name><type>Datacenter</type><path>vmFolder</path>' +
        '<skip>false</skip><selectSet><name>folder</name></selectSet></selectSet></objectSet></specSet>',
    )
    t.equal([...body.matchAll(/<returnval><obj type="VirtualMachine">/g)].length, 252)
  })
  void t.test('an array is an ArrayOf type with typed elements; a long keeps its type', async t => {
    const body = await client.ok(
      'RetrievePropertiesEx',
      collect('VirtualMachine', 'vm-101', 'config.hardware.device'),
    )
    t.match(
      body,
      '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualIDEController"><key>200</key>',
    )
    t.match(body, /<VirtualDevice xsi:type="VirtualDisk"><key>2000<\/key><deviceInfo><label>Hard disk 1</)
    t.match(
      body,
      '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[datastore1] web/web.vmdk</fileName>',
    )
    const one = collect('VirtualMachine', 'vm-101', 'config.hardware.device[2000].capacityInBytes')
    t.match(await client.ok('RetrievePropertiesEx', one), '<val xsi:type="xsd:long">1048576</val>')
  })
  void t.test('finding by UUID and by path; two VMs of one name are two', async t => {
    const [first, second] = simulator.vms
    const uuid = second?.identity.instanceUuid ?? ''
    const search = '<_this type="SearchIndex">SearchIndex</_this>'
    const by = (id: string): string =>
      `${search}<uuid>${id}</uuid><vmSearch>true</vmSearch><instanceUuid>true</instanceUuid>`
    t.match(
      await client.ok('FindByUuid', by(uuid)),
      `<returnval type="VirtualMachine">${second?.ref.id ?? ''}<`,
    )
    t.notMatch(await client.ok('FindByUuid', by('00000000-0000-0000-0000-000000000000')), 'returnval')
    const path = (inventory: string): string => `${search}<inventoryPath>${inventory}</inventoryPath>`
    t.match(await client.ok('FindByInventoryPath', path('DC0/vm/a/web')), `>${first?.ref.id ?? ''}<`)
    t.match(await client.ok('FindByInventoryPath', path('/DC0/vm/b/web/')), `>${second?.ref.id ?? ''}<`)
  })
  void t.test('a property without the right to it is in missingSet, the others are there', async t => {
    const remove = simulator.faults.add({ kind: 'hide-property', path: 'config.instanceUuid' })
    const body = await client.ok(
      'RetrievePropertiesEx',
      collect('VirtualMachine', 'vm-101', 'name</pathSet><pathSet>config.instanceUuid'),
    )
    remove()
    t.match(
      body,
      /<propSet><name>name<\/name><val xsi:type="xsd:string">web<\/val><\/propSet><missingSet><path>config.instanceUuid</,
    )
    t.match(body, '<fault><fault xsi:type="NoPermission">')
  })
})

void t.test('updates', async t => {
  const { simulator, client } = await loggedIn(t)
  const created = await client.ok(
    'CreateFilter',
    `${propertyCollector}<spec><propSet><type>VirtualMachine</type><pathSet>runtime.powerState</pathSet></propSet>` +
      '<objectSet><obj type="VirtualMachine">vm-101</obj></objectSet></spec><partialUpdates>true</partialUpdates>',
  )
  const filter = /<returnval type="PropertyFilter">([^<]+)</.exec(created)?.[1] ?? ''
  const wait = (version: string, seconds: number): Promise<string> =>
    client.ok(
      'WaitForUpdatesEx',
      `${propertyCollector}<version>${version}</version><options><maxWaitSeconds>${seconds}</maxWaitSeconds></options>`,
    )
  const first = await wait('', 0)
  t.match(
    first,
    '<kind>enter</kind><obj type="VirtualMachine">vm-101</obj><changeSet><name>runtime.powerState</name><op>assign</op>',
  )
  t.notMatch(await wait('1', 0), 'returnval', 'nothing changed')
  const pending = wait('1', 30)
  await client.task('PowerOffVM_Task', '<_this type="VirtualMachine">vm-101</_this>')
  const second = await pending
  t.match(second, '<version>2</version>')
  t.match(second, '<kind>modify</kind>')
  t.match(second, '>poweredOff</val>')
  t.equal(await wait('1', 0), second, 'a lost answer can be asked for again')
  const stale = await client.call('WaitForUpdatesEx', `${propertyCollector}<version>77</version>`)
  t.equal(faultOf(stale), 'InvalidCollectorVersion')
  const cancelled = client.call('WaitForUpdatesEx', `${propertyCollector}<version>2</version>`)
  const other = new RawClient(simulator)
  other.cookie = client.cookie
  const reply = await repeatUntil(cancelled, () => other.ok('CancelWaitForUpdates', propertyCollector))
  t.equal(faultOf(reply), 'RequestCanceled')
  await client.ok('DestroyPropertyFilter', `<_this type="PropertyFilter">${filter}</_this>`)
  t.notMatch(await wait('', 0), 'filterSet')
})

/** Does something again and again until the promise settles. */
async function repeatUntil<T>(promise: Promise<T>, action: () => Promise<unknown>): Promise<T> {
  const done = Symbol('done')
  const settled = promise.then(
    () => done,
    () => done,
  )
  while ((await Promise.race([settled, action()])) !== done) continue
  return promise
}
