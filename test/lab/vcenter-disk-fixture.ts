import { type Snapshot, type Vm } from '../../lab/vcenter/vm.js'
import { type RawClient } from './vcenter-soap.js'

const KIB64 = 65_536n

export const vmThis = '<_this type="VirtualMachine">vm-101</_this>'

export async function snapshot(client: RawClient, vm: Vm, name: string): Promise<Snapshot> {
  const end = await client.task(
    'CreateSnapshot_Task',
    `${vmThis}<name>${name}</name><memory>false</memory><quiesce>false</quiesce>`,
  )
  if (end.state !== 'success') throw new Error(end.info)
  const made = vm.snapshots.find(one => one.ref.id === end.result)
  if (made === undefined) throw new Error(`no snapshot ${end.result ?? ''}`)
  return made
}

export async function remove(client: RawClient, one: Snapshot, consolidate = true): Promise<void> {
  const self = `<_this type="VirtualMachineSnapshot">${one.ref.id}</_this>`
  const end = await client.task(
    'RemoveSnapshot_Task',
    `${self}<removeChildren>false</removeChildren><consolidate>${consolidate}</consolidate>`,
  )
  if (end.state !== 'success') throw new Error(end.info)
}

/** The change ID of a disk as a client reads it from the snapshot. */
export async function changeId(client: RawClient, one: Snapshot, key: number): Promise<string> {
  return client.property(
    'VirtualMachineSnapshot',
    one.ref.id,
    `config.hardware.device[${key}].backing.changeId`,
  )
}

/** All changed areas, page by page; the number of pages besides. */
export async function changed(client: RawClient, vm: Vm, at: Snapshot | null, key: number, since: string) {
  const areas: { start: bigint; length: bigint }[] = []
  const capacity = vm.disk(key)?.capacityBytes ?? 0n
  let pages = 0
  for (let offset = 0n; offset < capacity; pages++) {
    const body = await client.ok('QueryChangedDiskAreas', query(at, key, offset, since))
    for (const [, from = '', length = ''] of body.matchAll(
      /<changedArea><start>(\d+)<\/start><length>(\d+)</g,
    ))
      areas.push({ start: BigInt(from), length: BigInt(length) })
    const [, from = '', length = ''] = /<startOffset>(\d+)<\/startOffset><length>(\d+)</.exec(body) ?? []
    if (BigInt(from) !== offset) throw new Error(`asked from ${offset}, answered from ${from}`)
    offset = BigInt(from) + BigInt(length)
  }
  return { areas, pages }
}

export const query = (at: Snapshot | null, key: number, offset: bigint, since: string): string =>
  `${vmThis}${at === null ? '' : `<snapshot type="VirtualMachineSnapshot">${at.ref.id}</snapshot>`}` +
  `<deviceKey>${key}</deviceKey><startOffset>${offset}</startOffset><changeId>${since}</changeId>`

export const blocksOf = (ranges: readonly { start: bigint; length: bigint }[]): bigint[] => {
  const blocks = new Set<bigint>()
  for (const { start, length } of ranges)
    for (let block = start / KIB64; block * KIB64 < start + length; block++) blocks.add(block)
  return [...blocks].sort((a, b) => Number(a - b))
}

/** The frozen content as the layers give it, in a file, to be compared by cmp. */
export async function readFrozen(vm: Vm, one: Snapshot, key: number): Promise<Buffer> {
  const disk = vm.disk(key)
  const frozen = one.disks.get(key)
  if (disk === undefined || frozen === undefined) throw new Error(`no disk ${key}`)
  return Buffer.from(await disk.read(0, Number(disk.capacityBytes), frozen.layer))
}
