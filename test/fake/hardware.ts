import { type Hardware } from '../../agent/domain/hardware.js'
import { type FrozenVm } from '../../agent/replication/deps.js'

export const hardware: Hardware = {
  cpuCount: 2,
  coresPerSocket: 1,
  memoryMib: 2048,
  firmware: 'bios',
  secureBoot: false,
  hardwareVersion: 'vmx-19',
  guestId: 'debian12_64Guest',
  guestName: 'Debian',
  tools: { state: 'running', version: '12352' },
  controllers: [],
  nics: [
    {
      key: '4000',
      label: 'Network adapter 1',
      type: 'VirtualVmxnet3',
      macAddress: '00:50:56:00:00:01',
      network: 'lan',
    },
  ],
  disks: [],
}

/** What a snapshot that went well tells, without its disks. */
export const frozenVm: Omit<FrozenVm, 'disks'> = {
  createdAt: new Date('2026-11-23T12:00:00Z'),
  consistency: 'quiesced',
  notes: [],
  fullReason: null,
  freezeSeconds: 1,
  stateToken: null,
  hardware,
}
