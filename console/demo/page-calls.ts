import type { ConfigurationView } from '../../agent/api/cloudstack.js'
import type { Hardware } from '../../agent/api/hardware.js'
import type { VerificationView } from '../../agent/api/verification.js'
import type { VolumeOperationView } from '../../agent/api/volumes.js'
import { errorTable } from '../../agent/errors.js'
import type { PageClient } from '../page.js'
import { attempt, found } from './calls.js'
import { pointCalls } from './point-calls.js'
import type { Recording } from './recording.js'

type Calls = Omit<PageClient, 'status' | 'startPass' | 'goBack'>

const gib = 1024n ** 3n
const volume = '58c10001-2000-4000-8000-0123456789ab'
const other = '58c10001-2001-4000-8000-0123456789ab'
const vmId = '7ad0c1f2-0001-4000-8000-0123456789ab'
const fingerprint =
  '4F:1A:9C:02:77:EE:31:5B:C8:D0:64:90:AB:13:FE:25:88:6D:0E:52:97:B4:3C:A1:7F:60:D9:18:2B:C5:E4:3A'

const hardware: Hardware = {
  cpuCount: 4,
  coresPerSocket: 2,
  memoryMib: 8192,
  firmware: 'efi',
  secureBoot: false,
  hardwareVersion: 'vmx-19',
  guestId: 'debian11_64Guest',
  guestName: 'Debian GNU/Linux 12 (64-bit)',
  tools: { state: 'running', version: '12352' },
  controllers: [{ key: '1000', type: 'pvscsi', label: 'SCSI controller 0', busNumber: 0, sharedBus: null }],
  nics: [
    {
      key: '4000',
      label: 'Network adapter 1',
      type: 'vmxnet3',
      macAddress: '00:50:56:9f:3a:01',
      network: 'production',
    },
  ],
  disks: [
    {
      key: '2000',
      label: 'Hard disk 1',
      capacityBytes: String(100n * gib),
      controllerKey: '1000',
      unitNumber: 0,
      backingUuid: '6000C29a-31c0-4c00-8000-0123456789ab',
    },
  ],
}

const named = (id: string, name: string) => ({ id, name })

/** What the pages ask for, on recorded data. Nothing is checked as the agent checks it. */
export function pageCalls(site: Recording, nowMs: () => number): Calls {
  const ago = (seconds: number): string => new Date(nowMs() - seconds * 1000).toISOString()
  const operation = (number: number, more: Partial<VolumeOperationView>): VolumeOperationView => ({
    id: `op-${number}`,
    number: String(number),
    idempotencyKey: `demo-${number}-key`,
    kind: 'attach',
    state: 'succeeded',
    volumeId: volume,
    vmId: null,
    devicePath: '/dev/vdb',
    drift: null,
    failure: null,
    requestedAt: ago(4000 - number * 60),
    startedAt: ago(4000 - number * 60),
    endedAt: ago(3988 - number * 60),
    ...more,
  })
  const operations: VolumeOperationView[] = [
    operation(41, { kind: 'create', devicePath: null }),
    operation(42, {}),
    operation(43, {
      kind: 'detach',
      volumeId: other,
      devicePath: null,
      drift: 'attached again outside of this product',
    }),
    operation(44, {
      kind: 'attach-root',
      state: 'failed',
      vmId,
      devicePath: null,
      failure: { code: 'TARGET_VM_UNKNOWN', message: `VM ${vmId}`, next: errorTable.TARGET_VM_UNKNOWN.next },
    }),
    operation(45, { state: 'running', volumeId: other, devicePath: null, endedAt: null }),
  ]
  const disk = (label: string, more: Partial<VerificationView['disks'][number]>) => ({
    diskKey: label.endsWith('1') ? '2000' : '2001',
    label,
    state: 'identical' as const,
    why: null,
    fromBytes: '0',
    untilBytes: String(100n * gib),
    comparedBytes: String(96n * gib),
    leftOutBytes: String(4n * gib),
    blocks: 98_304,
    differingBlocks: 0,
    firstDifference: null,
    sourceReadBytes: String(96n * gib),
    targetReadBytes: String(96n * gib),
    ...more,
  })
  const verification = (id: string, jobId: string, more: Partial<VerificationView>): VerificationView => ({
    id,
    jobId,
    trigger: 'operator',
    sagaState: 'done',
    state: 'identical',
    startedAt: ago(7200),
    endedAt: ago(6600),
    recoveryPointAt: ago(7500),
    algorithm: 'xxh3-128',
    blockBytes: 1_048_576,
    bytesPerSecond: null,
    failure: null,
    disks: [disk('Hard disk 1', {}), disk('Hard disk 2', {})],
    ...more,
  })
  /** Two hours before the newest, where the recorded points have one. */
  const secondPointOf = (jobId: string): string => {
    const newest = site.jobs.find(job => job.id === jobId)?.recoveryPointAt ?? ago(0)
    return new Date(Date.parse(newest) - 7_200_000).toISOString()
  }
  const verifications = new Map<string, VerificationView[]>()
  const verificationsOf = (jobId: string): VerificationView[] => {
    const known = verifications.get(jobId) ?? [
      verification(`v2-${jobId}`, jobId, {
        trigger: 'scrub',
        state: 'unknown',
        startedAt: ago(900),
        endedAt: ago(600),
        disks: [
          disk('Hard disk 1', {
            why: 'the changes since the recovery point cannot be told',
            state: 'unknown',
          }),
        ],
      }),
      verification(`v1-${jobId}`, jobId, { recoveryPointAt: secondPointOf(jobId) }),
    ]
    verifications.set(jobId, known)
    return known
  }
  const oneVerification = (id: string): VerificationView =>
    found(
      [...verifications.values()].flat().find(item => item.id === id),
      `verification ${id}`,
    )
  let configuration: ConfigurationView = {
    revision: 3,
    url: 'https://cloud.example:8443',
    thumbprintSha256: fingerprint,
    signatureVersion: 3,
    choice: {
      zoneId: 'z1',
      diskOfferingId: 'd1',
      applianceVmId: vmId,
      networkId: 'n1',
      templateId: null,
      serviceOfferingId: 's1',
    },
    updatedAt: ago(86_400),
  }

  return {
    runPreflight: () =>
      Promise.resolve({
        checkedAt: ago(0),
        findings: [
          {
            code: 'snapshots-present',
            severity: 'warning',
            what: 'The VM has 2 snapshots of somebody else.',
            remedy: 'Remove them when nobody needs them: each makes reads slower.',
          },
          {
            code: 'not-checked',
            severity: 'info',
            what: 'The version of VDDK could not be told.',
            remedy: 'See the log of the VMA.',
          },
        ],
      }),
    hardwareVersions: () =>
      Promise.resolve(
        [2, 1].map(version => ({ version, passId: `p-${version}`, takenAt: ago(90_000 - version * 40_000) })),
      ),
    hardwareVersion: (_vm, version) =>
      Promise.resolve({ version, passId: `p-${version}`, takenAt: ago(90_000 - version * 40_000), hardware }),
    compareHardware: (_vm, from, to) =>
      Promise.resolve({
        from: { version: from, passId: `p-${from}`, takenAt: ago(50_000) },
        to: { version: to, passId: `p-${to}`, takenAt: ago(10_000) },
        differences: [
          { field: 'memoryMib', from: '4096', to: '8192' },
          { field: 'disks.2001', from: null, to: 'Hard disk 2, 500 GiB' },
        ],
      }),
    manageVms: ids =>
      attempt(() =>
        ids.map(id => {
          const vm = found(
            site.vms.find(each => each.id === id),
            `VM ${id}`,
          )
          const outcome = vm.managedAt === null ? ('added' as const) : ('already-managed' as const)
          vm.managedAt ??= ago(0)
          return { sourceVmId: id, outcome, failure: null }
        }),
      ),
    unmanageVm: id =>
      attempt(() => {
        const vm = site.vms.find(each => each.id === id)
        if (vm !== undefined) vm.managedAt = null
      }),
    changeJob: (id, { quiesce, stagingPolicy }) =>
      attempt(() => {
        const job = found(
          site.jobs.find(each => each.id === id),
          `replication job ${id}`,
        )
        if (quiesce !== undefined) job.quiesce = quiesce
        if (stagingPolicy !== undefined) job.stagingPolicy = stagingPolicy
        return job
      }),
    deleteJob: id =>
      attempt(() => {
        const at = site.jobs.findIndex(job => job.id === id)
        const [job] = at === -1 ? [] : site.jobs.splice(at, 1)
        const vm = site.vms.find(each => each.jobId === id)
        if (vm !== undefined) Object.assign(vm, { jobId: null, jobState: null })
        return {
          volumes: (job?.disks ?? []).flatMap(({ diskKey, label, volumeId }) =>
            volumeId === null ? [] : [{ diskKey, label, volumeId }],
          ),
        }
      }),
    startVerification: (jobId, wanted) =>
      attempt(() => {
        const started = verification(`v${verificationsOf(jobId).length + 1}-${jobId}`, jobId, {
          sagaState: 'running',
          state: null,
          startedAt: ago(0),
          endedAt: null,
          algorithm: wanted?.algorithm ?? 'xxh3-128',
        })
        verificationsOf(jobId).unshift(started)
        return started
      }),
    verifications: jobId => Promise.resolve(verificationsOf(jobId)),
    verification: id => attempt(() => oneVerification(id)),
    cancelVerification: id =>
      attempt(() => Object.assign(oneVerification(id), { sagaState: 'done', state: null, endedAt: ago(0) })),
    cloudstackCertificate: ({ address }) =>
      Promise.resolve({
        url: address,
        certificate: {
          subject: 'CN=cloud.example',
          issuer: 'CN=Example CA',
          validFrom: '2026-01-01T00:00:00.000Z',
          validTo: '2028-01-01T00:00:00.000Z',
          fingerprintSha256: fingerprint,
        },
      }),
    discoverCloudstack: () =>
      Promise.resolve({
        zones: [named('z1', 'zone-west'), named('z2', 'zone-east')],
        domains: [named('dom', 'ROOT')],
        networks: [{ ...named('n1', 'recovery'), zoneId: 'z1', type: 'Isolated' }],
        templates: [{ ...named('t1', 'empty'), zoneId: 'z1', sizeBytes: null }],
        serviceOfferings: [{ ...named('s1', 'custom'), isCustomized: true }],
        diskOfferings: [
          { ...named('d1', 'replica'), isCustomized: true },
          { ...named('d2', 'fast'), isCustomized: true },
        ],
        applianceVm: { kind: 'found', ...named(vmId, 'oma-demo'), by: 'both' },
        notPermitted: [],
      }),
    cloudstackConfiguration: () => Promise.resolve(configuration),
    saveCloudstackConfiguration: ({ choice }) =>
      attempt(() => {
        const applianceVmId = choice.applianceVmId ?? vmId
        configuration = {
          ...configuration,
          revision: configuration.revision + 1,
          choice: { ...choice, applianceVmId },
        }
        return configuration
      }),
    validateCloudstack: () =>
      Promise.resolve({
        findings: [
          { code: 'zone', severity: 'ok', what: 'The zone is there and allocates.', remedy: null },
          { code: 'disk-offering', severity: 'ok', what: 'The offering takes any size.', remedy: null },
          {
            code: 'snapshots',
            severity: 'warning',
            what: 'Two snapshots of a volume are left of the limit of the account.',
            remedy: 'Raise the limit, or remove old snapshots.',
          },
        ],
      }),
    points: pointCalls(site, nowMs),
    machine: () =>
      Promise.resolve({
        cpuCount: 4,
        load: [0.42, 0.37, 0.3],
        upSeconds: 400_000,
        memoryBytes: String(8n * gib),
        freeBytes: String(5n * gib),
        diskBytes: String(64n * gib),
        diskFreeBytes: String(41n * gib),
      }),
    volumes: {
      operate: request =>
        attempt(() => {
          const recorded = operation(operations.length + 41, {
            kind: request.kind,
            state: 'running',
            volumeId: 'volumeId' in request ? request.volumeId : null,
            requestedAt: ago(0),
            endedAt: null,
            devicePath: null,
          })
          operations.push(recorded)
          return recorded
        }),
      operations: () => Promise.resolve([...operations].reverse()),
      status: id =>
        Promise.resolve({
          volumeId: id,
          cloud: {
            kind: 'seen',
            value: {
              id,
              name: 'crm-app-01-2000',
              sizeBytes: String(100n * gib),
              vmId,
              deviceId: 3,
              isOurs: true,
            },
          },
          device: {
            kind: 'seen',
            value: { path: '/dev/vdb', name: 'vol58c100012000400080', sizeBytes: String(100n * gib) },
          },
          export: { kind: 'unknown', why: 'the volume daemon did not answer' },
          recorded: { name: 'crm-app-01-2000', vmId },
          jobId: 'j1',
          drift: [],
        }),
      exports: () =>
        Promise.resolve([
          { serial: '58c10001200040008000', sizeBytes: String(100n * gib), fenceToken: '17' },
        ]),
      findings: () =>
        Promise.resolve([
          {
            kind: 'orphan-volume' as const,
            subject: other,
            what: 'A volume of this installation that no job and no operation knows.',
            removable: true,
            firstSeenAt: ago(90_000),
            lastSeenAt: ago(30),
          },
          {
            kind: 'missing-device' as const,
            subject: volume,
            what: 'CloudStack says it is attached here, and no device has its serial.',
            removable: false,
            firstSeenAt: ago(600),
            lastSeenAt: ago(30),
          },
        ]),
      sync: () => Promise.resolve({ names: { made: [], repaired: [], dropped: [] }, findings: [] }),
      removeOrphan: (_kind, subject) =>
        attempt(() => operation(99, { kind: 'delete', volumeId: subject, state: 'running', endedAt: null })),
      health: () =>
        Promise.resolve({
          daemon: { kind: 'seen', value: { openExports: 1, opened: 212, lost: 0, fenced: 3 } },
          cloud: { kind: 'seen', value: { applianceVolumes: 5 } },
        }),
      metrics: () =>
        Promise.resolve({
          operations: [
            { kind: 'attach', state: 'succeeded', count: 118, meanSeconds: 11 },
            { kind: 'detach', state: 'succeeded', count: 113, meanSeconds: 9 },
            { kind: 'attach-root', state: 'failed', count: 1, meanSeconds: 3 },
          ],
          drifted: 1,
        }),
    },
  }
}
