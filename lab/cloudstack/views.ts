import { type Jobs } from './jobs.js'
import { dateText, type Fields } from './reply.js'
import { type Site, type Vm, type Volume } from './site.js'

/** Whom everything here belongs to. */
export const ownerFields = (site: Site): Fields => ({
  account: site.account.name,
  domainid: site.domain.id,
  domain: site.domain.name,
  domainpath: '/',
})

export const tagFields = (
  site: Site,
  resource: {
    readonly id: string
    readonly type: 'Volume' | 'UserVm' | 'Snapshot'
    readonly tags: ReadonlyMap<string, string>
  },
): readonly Fields[] =>
  [...resource.tags].map(([key, value]) => ({
    key,
    value,
    resourcetype: resource.type,
    resourceid: resource.id,
    ...ownerFields(site),
  }))

/** VolumeResponse. A job on the volume that has not ended shows as its `jobid`. */
export function volumeFields(site: Site, jobs: Jobs, volume: Volume): Fields {
  const { vm, offering } = volume
  const job = jobs.pendingOn(volume.id)
  const pool = site.poolOf(volume)
  return {
    id: volume.id,
    name: volume.name,
    zoneid: volume.zone.id,
    zonename: volume.zone.name,
    type: volume.type,
    ...(vm === null
      ? {}
      : {
          deviceid: volume.deviceId ?? undefined,
          virtualmachineid: vm.id,
          vmname: vm.name,
          vmdisplayname: vm.displayName,
          vmstate: vm.state,
          vmtype: 'User',
          attached: volume.attachedAt === null ? undefined : dateText(volume.attachedAt),
        }),
    ...(volume.type === 'ROOT' ? { templateid: site.template.id, templatename: site.template.name } : {}),
    provisioningtype: 'thin',
    size: volume.sizeBytes,
    virtualsize: volume.isPlaced ? volume.sizeBytes : undefined,
    created: dateText(volume.created),
    state: volume.state,
    ...ownerFields(site),
    storagetype: 'shared',
    hypervisor: volume.isPlaced ? 'KVM' : 'None',
    ...(offering === null
      ? {}
      : {
          diskofferingid: offering.id,
          diskofferingname: offering.name,
          diskofferingdisplaytext: offering.name,
        }),
    ...(volume.isPlaced ? { storage: pool.name, storageid: pool.id, path: volume.id } : {}),
    destroyed: volume.state === 'Destroy' || volume.state === 'Expunging',
    isextractable: true,
    displayvolume: true,
    quiescevm: false,
    supportsstoragesnapshot: false,
    hasannotations: false,
    tags: tagFields(site, { id: volume.id, type: 'Volume', tags: volume.tags }),
    ...(job === undefined ? {} : { jobid: job.id, jobstatus: job.status }),
  }
}

/** UserVmResponse. */
export function vmFields(site: Site, jobs: Jobs, vm: Vm): Fields {
  const job = jobs.pendingOn(vm.id)
  const { deployment } = vm
  const offering = deployment?.offering ?? site.serviceOfferings[1]
  return {
    id: vm.id,
    name: vm.name,
    displayname: vm.displayName,
    ...ownerFields(site),
    ...(vm.account === null ? {} : { account: vm.account }),
    created: dateText(vm.created),
    state: vm.state,
    haenable: false,
    zoneid: vm.zone.id,
    zonename: vm.zone.name,
    templateid: site.template.id,
    templatename: site.template.name,
    templatedisplaytext: site.template.name,
    passwordenabled: false,
    ...(offering === undefined
      ? {}
      : {
          serviceofferingid: offering.id,
          serviceofferingname: offering.name,
          cpunumber: deployment?.cpuNumber ?? offering.cpuNumber ?? undefined,
          cpuspeed: offering.cpuSpeedMhz,
          memory: deployment?.memoryMib ?? offering.memoryMib ?? undefined,
        }),
    guestosid: site.osType.id,
    osdisplayname: site.osType.name,
    rootdeviceid: 0,
    rootdevicetype: 'ROOT',
    securitygroup: [],
    nic: vm.nics.map((nic, index) => ({
      id: nic.id,
      networkid: nic.network.id,
      networkname: nic.network.name,
      netmask: '255.255.255.0',
      gateway: '10.1.1.1',
      ipaddress: nic.ipAddress,
      traffictype: 'Guest',
      type: 'Isolated',
      isdefault: index === 0,
      macaddress: nic.macAddress,
      secondaryip: [],
      extradhcpoption: [],
    })),
    hypervisor: 'KVM',
    instancename: vm.instanceName,
    details: {},
    affinitygroup: [],
    displayvm: true,
    isdynamicallyscalable: false,
    hasannotations: false,
    userid: site.userId,
    username: site.account.name,
    tags: tagFields(site, { id: vm.id, type: 'UserVm', tags: vm.tags }),
    ...(job === undefined ? {} : { jobid: job.id, jobstatus: job.status }),
  }
}
