import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type Disk } from './disk.js'
import { type Session } from './sessions.js'
import { type Vcenter } from './vcenter.js'
import { type Vm } from './vm.js'

const chunkBytes = 1024 * 1024

/** Answers `/folder/PATH?dcPath=&dsName=` as an ESXi host does: whole files or one range of one, to who has a session. */
export async function answerFolder(
  vcenter: Vcenter,
  session: Session | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refuse = (status: number, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { ...headers, 'content-length': '0' }).end()
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(405, { allow: 'GET, HEAD' })
    return
  }
  if (session === null) {
    refuse(401, { 'www-authenticate': 'Basic realm="VMware HTTP server"' })
    return
  }
  if (!vcenter.faults.mayUse(vcenter.storage.ref, 'Datastore.Browse')) {
    refuse(403)
    return
  }
  const found = findFile(vcenter, new URL(request.url ?? '/', 'https://server'))
  if (found === undefined) {
    refuse(404)
    return
  }
  // The host keeps a lock on the files of a VM that runs.
  if (found.vm.powerState !== 'poweredOff') {
    refuse(500)
    return
  }
  const size = found.disk.capacityBytes
  const range = rangeOf(request.headers.range, size)
  if (range === undefined) {
    refuse(416, { 'content-range': `bytes */${size}` })
    return
  }
  response.writeHead(range.isPart && request.method === 'GET' ? 206 : 200, {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'content-length': (request.method === 'HEAD' ? size : range.end - range.first).toString(),
    ...(range.isPart ? { 'content-range': `bytes ${range.first}-${range.end - 1n}/${size}` } : {}),
  })
  if (request.method === 'GET') await send(found, range, response)
  response.end()
}

interface Found {
  readonly vm: Vm
  readonly disk: Disk
}

/** Only the flat file of a disk without snapshots is served: what lies above one is no flat file. */
function findFile(vcenter: Vcenter, url: URL): Found | undefined {
  const { datacenter, datastore } = vcenter.storage
  if ((url.searchParams.get('dcPath') ?? datacenter) !== datacenter) return undefined
  if (url.searchParams.get('dsName') !== datastore) return undefined
  const path = decodeURIComponent(url.pathname)
  for (const vm of vcenter.vms.values())
    for (const disk of vm.disks)
      if (path === `/folder/${vm.identity.directory}/${disk.options.stem}-flat.vmdk`)
        return disk.top.parent === null ? { vm, disk } : undefined
  return undefined
}

interface Range {
  readonly first: bigint
  readonly end: bigint
  readonly isPart: boolean
}

/** Undefined: the range cannot be served. */
function rangeOf(header: string | undefined, size: bigint): Range | undefined {
  if (header === undefined) return { first: 0n, end: size, isPart: false }
  const match = /^bytes=(\d+)-(\d*)$/.exec(header)
  if (match === null) return undefined
  const first = BigInt(match[1] ?? '')
  const last = match[2] === '' ? size - 1n : BigInt(match[2] ?? '')
  if (first > last || first >= size) return undefined
  return { first, end: last < size ? last + 1n : size, isPart: true }
}

async function send({ vm, disk }: Found, { first, end }: Range, response: ServerResponse): Promise<void> {
  for (let at = first; at < end && !response.destroyed; at += BigInt(chunkBytes)) {
    const length = Number(end - at < BigInt(chunkBytes) ? end - at : BigInt(chunkBytes))
    const bytes = await vm.lock.run(() => disk.read(Number(at), length))
    if (!response.write(bytes))
      await new Promise(resolve => response.once('drain', resolve).once('close', resolve))
  }
}
