import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type FreeSpace } from '../source/deps.js'
import { isUnsupported } from './faults.js'
import { readObject } from './properties.js'
import { type VimSession } from './session.js'
import { textOf, wholeOf, type MoRef } from './vim-xml.js'

/** Each once. */
export const datastoresOf = (disks: readonly { readonly datastore: MoRef | null }[]): readonly MoRef[] => [
  ...new Map(
    disks.flatMap(({ datastore }) => (datastore === null ? [] : [[datastore.id, datastore]])),
  ).values(),
]

/** What is free now: what vCenter has in its inventory may be half an hour old until it is asked to look again. */
export async function freeSpace(
  session: VimSession,
  datastore: MoRef,
  signal: AbortSignal,
): Promise<FreeSpace> {
  try {
    await session.call({ method: 'RefreshDatastore', target: datastore, args: [] }, 'safe', signal)
  } catch (error) {
    if (!isUnsupported(error)) throw error
  }
  const path = 'summary'
  const summary = (await readObject(session, datastore, [path], signal)).get(path)
  const freeBytes: Bytes | undefined = wholeOf(summary, 'freeSpace')
  if (freeBytes === undefined)
    throw new AppError('VSPHERE_PROTOCOL', `datastore ${datastore.id} tells no free space`)
  return { name: textOf(summary, 'name') ?? datastore.id, freeBytes }
}
