import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type DatastoreFile } from '../source/deps.js'
import { readObject, readVm, vmRef } from './properties.js'
import { type VimSession } from './session.js'
import { type FileAnswer } from './soap.js'
import { refOf, text, type MoRef } from './vim-xml.js'

/** More levels than any inventory has. */
const maxDepth = 100

/**
 * A file of a datastore over the server's HTTPS, on connections to the confirmed certificate and with the cookie of the
 * session, which is renewed once. `fileName` is a datastore path such as `[datastore1] web/web-flat.vmdk`. Rejects with
 * SOURCE_READ_FAILED, VSPHERE_PERMISSION_MISSING, or what every call may reject with.
 */
export async function datastoreFile(
  session: VimSession,
  moref: string,
  fileName: string,
  signal: AbortSignal,
): Promise<DatastoreFile> {
  const match = /^\[([^\]]+)\] (.+)$/.exec(fileName)
  if (match === null) throw new AppError('SOURCE_READ_FAILED', `${fileName} is no path in a datastore`)
  const [, datastore = '', path = ''] = match
  const query = `dcPath=${encodeURIComponent(await datacenterPath(session, moref, signal))}`
  const segments = path.split('/').map(encodeURIComponent).join('/')
  const address = `/folder/${segments}?${query}&dsName=${encodeURIComponent(datastore)}`
  const head = await session.file({ method: 'HEAD', path: address }, signal)
  await head.drop()
  mustBe(head, 200, fileName)
  const sizeBytes = wholeNumber(head.header('content-length'))
  if (sizeBytes === undefined)
    throw new AppError('SOURCE_READ_FAILED', `${fileName}: the server tells no size`)
  return {
    sizeBytes,
    read: (offset, length, stop) =>
      readRange(session, { address, fileName, sizeBytes }, offset, length, stop),
  }
}

interface Known {
  readonly address: string
  readonly fileName: string
  readonly sizeBytes: Bytes
}

/** Exactly the bytes asked for: an answer about another range, or a shorter one, rejects. */
async function* readRange(
  session: VimSession,
  { address, fileName, sizeBytes }: Known,
  offset: Bytes,
  length: Bytes,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const range = `bytes ${offset}-${offset + length - 1n}`
  const answer = await session.file({ method: 'GET', path: address, range: range.replace(' ', '=') }, signal)
  if (answer.status !== 206) await answer.drop()
  mustBe(answer, 206, fileName)
  if (answer.header('content-range') !== `${range}/${sizeBytes}`) {
    await answer.drop()
    throw new AppError('SOURCE_READ_FAILED', `${fileName}: asked for ${range}, got another range`)
  }
  let left = length
  for await (const part of answer.body) {
    left -= BigInt(part.length)
    if (left < 0n) break
    yield part
  }
  if (left !== 0n)
    throw new AppError('SOURCE_READ_FAILED', `${fileName}: ${range} did not come as it was announced`)
}

function mustBe(answer: FileAnswer, status: 200 | 206, fileName: string): void {
  if (answer.status === status) return
  const what = `${fileName}: status ${answer.status}`
  if (answer.status === 403)
    throw new AppError('VSPHERE_PERMISSION_MISSING', `${what}: Datastore.Browse and Datastore.FileManagement`)
  if (answer.status === 404)
    throw new AppError('SOURCE_READ_FAILED', `${what}: datastores such as vSAN and vVols have no such file`)
  throw new AppError('SOURCE_READ_FAILED', what)
}

/** As `/folder` wants it: the names from below the root folder down to the datacenter, escaped as vCenter has them. */
async function datacenterPath(session: VimSession, moref: string, signal: AbortSignal): Promise<string> {
  const parent = (await readVm(session, vmRef(moref), ['parent'], signal)).get('parent')
  let at: MoRef | undefined = parent === undefined ? undefined : refOf(parent, 'parent')
  const names: string[] = []
  let isInside = false
  for (let depth = 0; at !== undefined && depth < maxDepth; depth += 1) {
    const object = await readObject(session, at, ['name', 'parent'], signal)
    const above = object.get('parent')
    isInside ||= at.type === 'Datacenter'
    const name = object.get('name')
    if (isInside && above !== undefined && name !== undefined) names.unshift(text(name))
    at = above === undefined ? undefined : refOf(above, 'parent')
  }
  if (names.length === 0)
    throw new AppError('SOURCE_READ_FAILED', `vCenter does not tell in which datacenter ${moref} is`)
  return names.join('/')
}

const wholeNumber = (value: string | undefined): Bytes | undefined =>
  value !== undefined && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined
