import fc from 'fast-check'
import t from 'tap'
import {
  allowedActions,
  bootOrder,
  hostNameOf,
  isOver,
  testHostNameOf,
  type FailoverState,
} from '../../../agent/domain/failover.js'
import {
  resolveNics,
  sharedNetworks,
  type NicMapping,
  type SourceNic,
} from '../../../agent/domain/network-mapping.js'

const nic = (key: string): SourceNic => ({
  key,
  label: `card ${key}`,
  macAddress: '00:50:56:AA:00:01',
  network: 'lan',
})
const mapping = (nicKey: string, mode: NicMapping['mode'], networkId: string): NicMapping => ({
  nicKey,
  mode,
  networkId,
  networkName: networkId,
  mac: 'keep',
})
const networks = ['a', 'b', 'c'].map(id => ({ id, name: id, zoneId: 'zone' }))

void t.test(
  'a card without a mapping blocks, and so does a network that is gone, elsewhere or given twice',
  async t => {
    const facts = {
      mode: 'live' as const,
      liveNetworks: new Map<string, readonly string[]>(),
      networks,
      zoneId: 'zone',
    }
    const codes = (nics: readonly SourceNic[], mappings: readonly NicMapping[], more: object = {}) =>
      resolveNics({ ...facts, ...more, nics, mappings }).findings.map(
        ({ code, severity }) => `${severity} ${code}`,
      )
    t.same(codes([nic('1')], [mapping('1', 'test', 'a')]), ['blocker nic-unmapped'])
    t.same(codes([nic('1')], [mapping('1', 'live', 'x')]), ['blocker network-gone'])
    t.same(codes([nic('1')], [mapping('1', 'live', 'a')], { zoneId: 'other' }), [
      'blocker network-other-zone',
    ])
    t.same(codes([nic('1'), nic('2')], [mapping('1', 'live', 'a'), mapping('2', 'live', 'a')]), [
      'blocker network-twice',
    ])
    t.same(codes([nic('1')], [mapping('1', 'live', 'a'), mapping('9', 'live', 'b')]), ['info nic-unknown'])
    t.same(codes([nic('1')], [mapping('1', 'live', 'a')]), [])
    t.equal(
      resolveNics({ ...facts, nics: [nic('1')], mappings: [mapping('1', 'live', 'a')] }).nics[0]?.macAddress,
      '00:50:56:aa:00:01',
    )
  },
)

void t.test('no set of mappings lets a test use a network that anything uses live', async t => {
  const one = fc.record({
    nicKey: fc.constantFrom('1', '2', '3'),
    mode: fc.constantFrom('test' as const, 'live' as const),
    networkId: fc.constantFrom<string>('a', 'b', 'c'),
  })
  fc.assert(
    fc.property(fc.array(one), fc.array(one), (own, others) => {
      const mappings = own.map(each => ({ ...each, networkName: each.networkId, mac: 'new' as const }))
      const live = new Set(
        [...own, ...others].filter(({ mode }) => mode === 'live').map(({ networkId }) => networkId),
      )
      const clash = [...own, ...others].some(({ mode, networkId }) => mode === 'test' && live.has(networkId))
      t.equal(sharedNetworks(mappings, others).length > 0, clash)
      const liveNetworks = new Map([...live].map(id => [id, ['some VM']] as const))
      const nics = [nic('1'), nic('2'), nic('3')]
      const { nics: used, findings } = resolveNics({
        mode: 'test',
        nics,
        mappings,
        liveNetworks,
        networks,
        zoneId: 'zone',
      })
      const isBlocked = findings.some(({ severity }) => severity === 'blocker')
      return isBlocked || used.every(({ networkId }) => !live.has(networkId))
    }),
  )
})

void t.test('disks keep the order of the source, the chosen root first', async t => {
  const disks = [
    { diskKey: '2016', controllerKey: '1001', unitNumber: 0 },
    { diskKey: '2001', controllerKey: '1000', unitNumber: 1 },
    { diskKey: '2000', controllerKey: '1000', unitNumber: 0 },
    { diskKey: '3000', controllerKey: null, unitNumber: null },
  ]
  const order = (root: string | null) => bootOrder(disks, root).map(({ diskKey }) => diskKey)
  t.same(order(null), ['2000', '2001', '2016', '3000'])
  t.same(order('2016'), ['2016', '2000', '2001', '3000'])
})

void t.test('host names are such as CloudStack takes', async t => {
  const allowed = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.uuid(),
      (name, id) => allowed.test(hostNameOf(name)) && allowed.test(testHostNameOf(name, id)),
    ),
  )
  t.equal(hostNameOf('ERP Database_01'), 'erp-database-01')
})

void t.test('what is over can be done nothing with', async t => {
  const states: readonly FailoverState[] = [
    'failed',
    'cleaned-up',
    'committed',
    'rolled-back',
    'deciding',
    'starting',
  ]
  for (const state of states) t.equal(allowedActions('live', state, true).length === 0, isOver(state), state)
  t.same(allowedActions('live', 'deciding', false), ['commit', 'roll-back'])
  t.same(allowedActions('live', 'committing', false), ['commit'], 'no way back from a commit')
})
