import { randomUUID } from 'node:crypto'
import { invalidValue, parameterError } from './api-error.js'
import {
  contains,
  equal,
  filtered,
  oneOf,
  type Call,
  type Cloud,
  type Command,
  type Outcome,
} from './command.js'
import { absent, flags, id, ids, longs, maps, needed, ownedListParameters, texts } from './parameters.js'
import { type Fields } from './reply.js'
import { type Vm, type Volume } from './site.js'
import { volumeFields } from './views.js'

function volumeOf(cloud: Cloud, volumeId: string): Volume {
  const volume = cloud.site.volumes.get(volumeId)
  if (volume === undefined) throw invalidValue(`Unable to find volume with ID: ${volumeId}`)
  return volume
}

function vmOf(cloud: Cloud, vmId: string): Vm {
  const vm = cloud.site.vms.get(vmId)
  if (vm === undefined) throw invalidValue(`Unable to find a virtual machine with id ${vmId}`)
  return vm
}

const shown = (cloud: Cloud, volume: Volume): Fields => ({
  // Without the job that is about to end.
  volume: { ...volumeFields(cloud.site, cloud.jobs, volume), jobid: undefined, jobstatus: undefined },
})

/** A job on one volume, serialised with all others on that volume and on the VM concerned. */
const volumeJob = (cloud: Cloud, volume: Volume, vm: Vm | null, work: () => Promise<void>): Outcome => ({
  kind: 'job',
  request: {
    instance: { type: 'Volume', id: volume.id },
    locks: vm === null ? [volume.id] : [volume.id, vm.id],
    work: async () => {
      await work()
      return shown(cloud, volume)
    },
  },
})

/** The offering, the zone and the size are those of the volume the snapshot was taken of. */
function createFromSnapshot({ cloud, args }: Call, snapshotId: string): Outcome {
  const snapshot = cloud.site.snapshots.get(snapshotId)
  if (snapshot === undefined) throw invalidValue(`unable to find a snapshot with id ${snapshotId}`)
  if (snapshot.state !== 'BackedUp')
    throw invalidValue(
      `Snapshot id=${snapshotId} is not in BackedUp state yet and can't be used for volume creation`,
    )
  const volume = cloud.volumes.allocateFrom(args.text('name') ?? randomUUID(), snapshot)
  const job = volumeJob(cloud, volume, null, () => cloud.volumes.createFrom(volume, snapshot))
  if (job.kind !== 'job') return job
  const onFailure = (): void => {
    volume.state = 'Destroy'
  }
  return { ...job, createdId: volume.id, request: { ...job.request, onFailure } }
}

function createVolume(call: Call): Outcome {
  const { cloud, args } = call
  const snapshotId = args.text('snapshotid')
  if (snapshotId !== undefined) return createFromSnapshot(call, snapshotId)
  const offeringId = args.text('diskofferingid')
  if (offeringId === undefined)
    throw parameterError('Either disk Offering Id or snapshot Id must be passed whilst creating volume')
  const zone = cloud.site.zones.find(candidate => candidate.id === args.text('zoneid'))
  if (zone === undefined) throw invalidValue('Please specify a zone for the volume')
  const offering = cloud.site.diskOfferings.find(candidate => candidate.id === offeringId)
  if (offering === undefined) throw invalidValue(`Unable to find disk offering ${offeringId}`)
  const name = args.text('name')
  const volume = cloud.volumes.allocate({
    name: name === undefined || name.trim() === '' ? randomUUID() : name,
    zone,
    offering,
    sizeGib: args.number('size'),
  })
  const job = volumeJob(cloud, volume, null, () => cloud.volumes.create(volume))
  if (job.kind !== 'job') return job
  // VolumeApiServiceImpl.createVolume: the entry of a volume that could not be made goes to Destroy.
  const onFailure = (): void => {
    volume.state = 'Destroy'
    volume.isUnmade = true
  }
  return { ...job, createdId: volume.id, request: { ...job.request, onFailure } }
}

function attachVolume({ cloud, args }: Call): Outcome {
  const volume = volumeOf(cloud, args.given('id'))
  const vm = vmOf(cloud, args.given('virtualmachineid'))
  const deviceId = args.number('deviceid')
  return volumeJob(cloud, volume, vm, () => cloud.volumes.attach(volume, vm, deviceId))
}

function detachVolume({ cloud, args }: Call): Outcome {
  const volume = volumeToDetach({ cloud, args })
  return volumeJob(cloud, volume, volume.vm, () => cloud.volumes.detach(volume))
}

function volumeToDetach({ cloud, args }: Pick<Call, 'cloud' | 'args'>): Volume {
  const volumeId = args.text('id')
  const vmId = args.text('virtualmachineid')
  const deviceId = args.number('deviceid')
  if (volumeId !== undefined) {
    if (vmId !== undefined || deviceId !== undefined)
      throw invalidValue('Please provide either a volume id, or a tuple(device id, instance id)')
    return volumeOf(cloud, volumeId)
  }
  if (vmId === undefined || deviceId === undefined)
    throw invalidValue('Please provide either a volume id, or a tuple(device id, instance id)')
  const found = cloud.site.volumesOf(vmOf(cloud, vmId)).find(volume => volume.deviceId === deviceId)
  if (found === undefined) throw invalidValue('The specified volume is not attached to a VM.')
  return found
}

function resizeVolume({ cloud, args }: Call): Outcome {
  const volume = volumeOf(cloud, args.given('id'))
  const sizeGib = args.number('size')
  if (sizeGib === undefined || sizeGib < 1) throw invalidValue('Requested size out of range')
  return volumeJob(cloud, volume, volume.vm, () => cloud.volumes.grow(volume, sizeGib))
}

async function deleteVolume({ cloud, args }: Call): Promise<Outcome> {
  await cloud.volumes.expunge(volumeOf(cloud, args.given('id')))
  return { kind: 'fields', fields: { success: true } }
}

function destroyVolume({ cloud, args }: Call): Outcome {
  const volume = volumeOf(cloud, args.given('id'))
  return volumeJob(cloud, volume, null, async () => {
    if (args.flag('expunge') === true) await cloud.volumes.expunge(volume)
    else cloud.volumes.destroy(volume)
  })
}

function recoverVolume({ cloud, args }: Call): Outcome {
  const volume = volumeOf(cloud, args.given('id'))
  cloud.volumes.recover(volume)
  return { kind: 'fields', fields: shown(cloud, volume) }
}

/** Keeps what listVolumes showed before the latest change. */
export class VolumeHistory {
  #before: readonly Fields[] = []
  readonly #cloud: Cloud

  constructor(cloud: Cloud) {
    this.#cloud = cloud
    cloud.volumes.beforeChange = () => {
      this.#before = this.now()
    }
  }

  now(): readonly Fields[] {
    const { site, jobs } = this.#cloud
    return [...site.volumes.values()].map(volume => volumeFields(site, jobs, volume))
  }

  beforeLatest(): readonly Fields[] {
    return this.#before
  }
}

const listFilters = [
  equal('id'),
  oneOf('ids', 'id'),
  equal('name'),
  contains('keyword', 'name'),
  equal('state'),
  equal('type'),
  equal('virtualmachineid'),
  equal('zoneid'),
  equal('diskofferingid'),
  equal('storageid'),
  equal('account'),
  equal('domainid'),
  equal('displayvolume'),
]

export const volumeCommands = (history: VolumeHistory): readonly Command[] => [
  {
    name: 'listVolumes',
    description: 'Lists all volumes.',
    parameters: [
      id('id', 'volume'),
      ids('ids', 'volume'),
      id('virtualmachineid', 'vm'),
      id('zoneid', 'zone'),
      id('diskofferingid', 'disk-offering'),
      id('storageid', 'pool'),
      id('serviceofferingid', 'service-offering'),
      ...absent('clusterid', 'hostid', 'podid'),
      ...texts('name', 'state', 'type'),
      ...flags('displayvolume', 'isencrypted', 'listsystemvms', 'retrieveonlyresourcecount', 'showicon'),
      ...maps('tags'),
      ...ownedListParameters,
    ],
    run: ({ args, isStale }) => ({
      kind: 'list',
      objectName: 'volume',
      items: filtered(isStale ? history.beforeLatest() : history.now(), args, listFilters),
    }),
  },
  {
    name: 'createVolume',
    description: 'Creates a disk volume from a disk offering.',
    javaClass: 'admin.volume.CreateVolumeCmdByAdmin',
    parameters: [
      ...texts('name', 'account', 'customid'),
      id('diskofferingid', 'disk-offering'),
      id('domainid', 'domain'),
      id('storageid', 'pool'),
      id('virtualmachineid', 'vm'),
      id('zoneid', 'zone'),
      id('snapshotid', 'snapshot'),
      ...absent('projectid'),
      ...flags('displayvolume'),
      ...longs('size', 'maxiops', 'miniops'),
    ],
    run: createVolume,
  },
  {
    name: 'attachVolume',
    description: 'Attaches a disk volume to a virtual machine.',
    javaClass: 'admin.volume.AttachVolumeCmdByAdmin',
    parameters: [needed(id('id', 'volume')), needed(id('virtualmachineid', 'vm')), ...longs('deviceid')],
    run: attachVolume,
  },
  {
    name: 'detachVolume',
    description: 'Detaches a disk volume from a virtual machine.',
    javaClass: 'admin.volume.DetachVolumeCmdByAdmin',
    parameters: [id('id', 'volume'), id('virtualmachineid', 'vm'), ...longs('deviceid')],
    run: detachVolume,
  },
  {
    name: 'resizeVolume',
    description: 'Resizes a volume',
    javaClass: 'admin.volume.ResizeVolumeCmdByAdmin',
    parameters: [
      needed(id('id', 'volume')),
      id('diskofferingid', 'disk-offering'),
      ...longs('size', 'maxiops', 'miniops'),
      ...flags('shrinkok', 'automigrate'),
    ],
    run: resizeVolume,
  },
  {
    name: 'deleteVolume',
    description: 'Deletes a detached disk volume.',
    parameters: [needed(id('id', 'volume'))],
    run: deleteVolume,
  },
  {
    name: 'destroyVolume',
    description: 'Destroys a volume.',
    javaClass: 'admin.volume.DestroyVolumeCmdByAdmin',
    parameters: [needed(id('id', 'volume')), ...flags('expunge')],
    run: destroyVolume,
  },
  {
    name: 'recoverVolume',
    description: 'Recovers a destroyed volume.',
    parameters: [needed(id('id', 'volume'))],
    run: recoverVolume,
  },
]
