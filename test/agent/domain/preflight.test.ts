import t from 'tap'
import { preflightFindings, type Known, type PreflightFacts } from '../../../agent/domain/preflight.js'
import { vddkVerdict } from '../../../agent/domain/vddk-versions.js'

const now = new Date('2026-11-25T00:00:00Z')
const gib = 1024n ** 3n
const known = <T>(value: T): Known<T> => ({ kind: 'known', value })
const unknown = { kind: 'unknown', why: 'refused' } as const
const disk = {
  key: '2000',
  label: 'Hard disk 1',
  capacityBytes: gib,
  obstacle: null,
  isEncrypted: false,
} as const

const good: PreflightFacts = {
  changeTracking: 'on',
  disks: [disk],
  snapshots: known([]),
  needsConsolidation: known(false),
  tools: 'running',
  isEncrypted: known(false),
  datastores: known([{ name: 'ds', freeBytes: 100n * gib }]),
  missingPrivileges: known([]),
  vsphereVersion: known('8.0.1.0'),
  vddk: known(8),
  datastoreFloorBytes: 2n * gib,
}
const verdict = (more: Partial<PreflightFacts>) =>
  preflightFindings({ ...good, ...more }, now).map(found => `${found.severity} ${found.code}`)

void t.test('each fact has its finding', async t => {
  t.same(verdict({ vddk: known(undefined) }), ['blocker vddk-missing'])
  t.same(verdict({}), [])
  const snapshot = (depth: number, days: number) =>
    known([{ name: 's', depth, createdAt: new Date(now.getTime() - days * 86_400_000) }])
  const cases: [Partial<PreflightFacts>, string[]][] = [
    [{ disks: [] }, ['blocker no-disks']],
    [{ disks: [{ ...disk, capacityBytes: 2048n * gib }] }, []],
    [{ disks: [{ ...disk, capacityBytes: 2048n * gib + 1n, isEncrypted: true }] }, ['warning disk-encrypted', 'info disk-large']],
    [{ changeTracking: 'unsupported' }, ['warning cbt-unsupported']],
    [{ changeTracking: 'off' }, ['info cbt-off']],
    [{ changeTracking: 'off', snapshots: snapshot(1, 1) }, ['warning cbt-off', 'info snapshots-present']],
    [{ snapshots: snapshot(1, 4) }, ['warning snapshot-debt']],
    [{ snapshots: snapshot(4, 0) }, ['warning snapshot-debt']],
    [{ snapshots: snapshot(31, 0) }, ['blocker snapshot-chain-full']],
    [{ needsConsolidation: known(true) }, ['warning consolidation-needed']],
    [{ missingPrivileges: known(['Datastore.Browse', 'VirtualMachine.State.CreateSnapshot']) }, ['blocker privilege-missing', 'warning privilege-missing']],
    [{ tools: 'not-installed' }, ['warning tools-not-running']],
    [{ isEncrypted: known(true) }, ['warning vm-encrypted']],
    [{ datastores: known([{ name: 'a', freeBytes: 2n * gib - 1n }, { name: 'b', freeBytes: 2n * gib }]) }, ['blocker datastore-full', 'warning datastore-low']],
    [{ vddk: known(7) }, ['blocker vddk-unsuitable']],
    [{ vsphereVersion: known('6.5.0') }, ['blocker vddk-unsuitable']],
  ] // prettier-ignore
  for (const [facts, found] of cases) t.same(verdict(facts), found)
  for (const obstacle of ['independent', 'raw-physical', 'shared-bus', 'multi-writer', 'no-file'] as const)
    t.same(verdict({ disks: [{ ...disk, obstacle }] }), [`blocker disk-${obstacle}`])
})

void t.test('what could not be checked is told, fact by fact', async t => {
  const facts: Partial<PreflightFacts> = {
    snapshots: unknown,
    needsConsolidation: unknown,
    tools: 'unknown',
    isEncrypted: unknown,
    datastores: unknown,
    missingPrivileges: unknown,
    vsphereVersion: unknown,
  }
  const found = preflightFindings({ ...good, ...facts }, now)
  t.equal(found.length, Object.keys(facts).length)
  t.ok(found.every(one => one.code === 'not-checked' && one.severity === 'warning'))
  t.same(verdict({ vddk: known(5) }), ['warning not-checked'], 'a library the table does not have')
  t.same(verdict({ vsphereVersion: known('') }), ['warning not-checked'])
})

void t.test('each VDDK reads its own vSphere and two before', async t => {
  const fits = (major: number, vsphere: string) => vddkVerdict(major, vsphere) === 'fits'
  t.same(
    ['6.5', '6.7.0', '7.0.3', '8.0.1', '9.0.0'].map(vsphere =>
      [6, 7, 8, 9].filter(major => fits(major, vsphere)),
    ),
    [[6, 7], [6, 7, 8], [7, 8, 9], [8, 9], [9]],
  )
})
