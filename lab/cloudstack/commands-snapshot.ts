import { setTimeout as after } from 'node:timers/promises'
import { internalError, invalidValue } from './api-error.js'
import { equal, filtered, oneOf, type Call, type Cloud, type Command, type Outcome } from './command.js'
import { absent, flags, id, ids, lists, maps, needed, ownedListParameters, texts } from './parameters.js'
import { dateText, type Fields } from './reply.js'
import { Snapshot, type Volume } from './site.js'
import { ownerFields, tagFields } from './views.js'

function snapshotFields({ site, jobs }: Cloud, snapshot: Snapshot): Fields {
  const job = jobs.pendingOn(snapshot.id)
  const { volume } = snapshot
  return {
    id: snapshot.id,
    name: snapshot.name,
    ...ownerFields(site),
    created: dateText(snapshot.created),
    snapshottype: 'MANUAL',
    volumeid: volume.id,
    volumename: volume.name,
    volumetype: volume.type,
    volumestate: volume.state,
    zoneid: volume.zone.id,
    intervaltype: 'MANUAL',
    state: snapshot.state,
    physicalsize: snapshot.sizeBytes,
    virtualsize: snapshot.sizeBytes,
    revertable: true,
    tags: tagFields(site, { id: snapshot.id, type: 'Snapshot', tags: snapshot.tags }),
    ...(job === undefined ? {} : { jobid: job.id, jobstatus: job.status }),
  }
}

const shown = (cloud: Cloud, snapshot: Snapshot): Fields => ({
  snapshot: { ...snapshotFields(cloud, snapshot), jobid: undefined, jobstatus: undefined },
})

function snapshotOf({ cloud, args }: Call): Snapshot {
  const snapshot = cloud.site.snapshots.get(args.given('id'))
  if (snapshot === undefined) throw invalidValue(`unable to find a snapshot with id ${args.given('id')}`)
  return snapshot
}

function createSnapshot({ cloud, args }: Call): Outcome {
  const volume = cloud.site.volumes.get(args.given('volumeid'))
  if (volume === undefined) throw invalidValue('Creating snapshot failed due to volume does not exist')
  if (volume.state !== 'Ready')
    throw invalidValue(
      `VolumeId: ${volume.id} is not in Ready state but ${volume.state}. Cannot take snapshot.`,
    )
  const snapshot = new Snapshot(args.text('name') ?? `${volume.name}_${Date.now()}`, volume)
  for (const { key = '', value = '' } of args.entries('tags')) snapshot.tags.set(key, value)
  cloud.site.snapshots.set(snapshot.id, snapshot)
  return {
    kind: 'job',
    createdId: snapshot.id,
    request: {
      instance: { type: 'Snapshot', id: snapshot.id },
      locks: [volume.id],
      onFailure: () => {
        snapshot.state = 'Error'
      },
      work: async () => {
        snapshot.state = 'Creating'
        await cloud.storage.snapshot(volume.id, snapshot.id)
        snapshot.state = 'BackingUp'
        void backUp(cloud, snapshot)
        if (cloud.snapshotBackupMs === 0) snapshot.state = 'BackedUp'
        return shown(cloud, snapshot)
      },
    },
  }
}

/** To secondary storage, which may go on after the job. */
async function backUp(cloud: Cloud, snapshot: Snapshot): Promise<void> {
  await after(cloud.snapshotBackupMs, undefined, { ref: false })
  if (snapshot.state === 'BackingUp') snapshot.state = 'BackedUp'
}

function checkRevert(volume: Volume): void {
  if (volume.state !== 'Ready')
    throw invalidValue(`The volume (${volume.id}) is not in Ready state and cannot be reverted`)
  if (volume.vm?.state === 'Running')
    throw invalidValue('The VM the snapshot is associated with should be stopped before reverting.')
}

function revertSnapshot(call: Call): Outcome {
  const { cloud } = call
  const snapshot = snapshotOf(call)
  const { volume } = snapshot
  if (!cloud.site.volumes.has(volume.id)) throw invalidValue('can not find the volume of the snapshot')
  if (snapshot.state !== 'BackedUp')
    throw invalidValue(`snapshot ${snapshot.id} is in state ${snapshot.state} and cannot be reverted to`)
  return {
    kind: 'job',
    request: {
      instance: { type: 'Snapshot', id: snapshot.id },
      locks: [volume.id],
      work: async () => {
        checkRevert(volume)
        await cloud.storage.revert(volume.id, snapshot.id)
        volume.sizeBytes = snapshot.sizeBytes
        return shown(cloud, snapshot)
      },
    },
  }
}

function deleteSnapshot(call: Call): Outcome {
  const { cloud } = call
  const snapshot = snapshotOf(call)
  return {
    kind: 'job',
    request: {
      instance: { type: 'Snapshot', id: snapshot.id },
      locks: [snapshot.volume.id],
      work: async () => {
        if (!cloud.site.snapshots.has(snapshot.id)) throw internalError('Failed to delete snapshot')
        if (snapshot.state === 'BackingUp')
          throw invalidValue(`Can't delete snapshot ${snapshot.id} due to it is in BackingUp Status`)
        await cloud.storage.removeSnapshot(snapshot.id)
        cloud.site.removeSnapshot(snapshot)
        return { success: true }
      },
    },
  }
}

function listSnapshots({ cloud, args }: Call): Outcome {
  const items = [...cloud.site.snapshots.values()].map(snapshot => snapshotFields(cloud, snapshot))
  const filters = [
    equal('id'),
    oneOf('ids', 'id'),
    equal('name'),
    equal('volumeid'),
    equal('zoneid'),
    equal('snapshottype'),
  ]
  return { kind: 'list', objectName: 'snapshot', items: filtered(items, args, filters) }
}

export const snapshotCommands: readonly Command[] = [
  {
    name: 'listSnapshots',
    description: 'Lists all available snapshots for the account.',
    parameters: [
      id('id', 'snapshot'),
      ids('ids', 'snapshot'),
      id('volumeid', 'volume'),
      id('zoneid', 'zone'),
      ...texts('name', 'intervaltype', 'snapshottype', 'locationtype'),
      ...flags('showunique'),
      ...maps('tags'),
      ...ownedListParameters,
    ],
    run: listSnapshots,
  },
  {
    name: 'createSnapshot',
    description: 'Creates an instant snapshot of a volume.',
    javaClass: 'user.snapshot.CreateSnapshotCmd',
    parameters: [
      needed(id('volumeid', 'volume')),
      id('domainid', 'domain'),
      ...absent('policyid'),
      ...texts('name', 'account', 'locationtype'),
      ...flags('quiescevm', 'asyncbackup'),
      ...lists('zoneids'),
      ...maps('tags'),
    ],
    run: createSnapshot,
  },
  {
    name: 'revertSnapshot',
    description: 'This is supposed to revert a volume snapshot.',
    javaClass: 'user.snapshot.RevertSnapshotCmd',
    parameters: [needed(id('id', 'snapshot'))],
    run: revertSnapshot,
  },
  {
    name: 'deleteSnapshot',
    description: 'Deletes a snapshot of a disk volume.',
    javaClass: 'user.snapshot.DeleteSnapshotCmd',
    parameters: [needed(id('id', 'snapshot')), id('zoneid', 'zone')],
    run: deleteSnapshot,
  },
]
