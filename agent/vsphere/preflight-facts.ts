import { passOfSnapshotName } from '../domain/names.js'
import { type Known, type PreflightFacts } from '../domain/preflight.js'
import { neededPrivileges } from '../domain/privileges.js'
import { type SourceVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { datastoresOf, freeSpace } from './datastores.js'
import { toolsOf, toolsPaths } from './hardware.js'
import { describeVm } from './machines.js'
import { readObject, readVm, vmRef, type ObjectProperties } from './properties.js'
import { listedSnapshots } from './snapshot-tree.js'
import { type VimSession } from './session.js'
import { childrenOf, element, flag, required, text, textOf, type MoRef } from './vim-xml.js'

export type VsphereFacts = Omit<PreflightFacts, 'vddk' | 'datastoreFloorBytes'>

/** Changes nothing. What vCenter refuses to tell is unknown with its reason; a vCenter that is away rejects. */
export async function preflightFacts(
  session: VimSession,
  id: SourceVmId,
  signal: AbortSignal,
): Promise<VsphereFacts> {
  const described = await describeVm(session, id, signal)
  const vm = vmRef(described.moref)
  const paths = ['snapshot', 'runtime.consolidationNeeded', 'config.keyId', ...toolsPaths]
  const object = await readVm(session, vm, paths, signal)
  const datastores = datastoresOf(described.disks)
  return {
    changeTracking: described.changeTracking,
    disks: described.disks,
    snapshots: told(object, 'snapshot', node =>
      listedSnapshots(node).filter(snapshot => passOfSnapshotName(snapshot.name) === undefined),
    ),
    needsConsolidation: told(object, 'runtime.consolidationNeeded', node => flag(node) ?? false),
    tools: toolsOf(object).state,
    isEncrypted: told(object, 'config.keyId', node => node !== undefined),
    datastores: await known(() => Promise.all(datastores.map(one => freeSpace(session, one, signal)))),
    missingPrivileges: await known(() => missingPrivileges(session, vm, datastores, signal)),
    vsphereVersion: await known(async () => (await session.content(signal)).apiVersion),
  }
}

function told<T>(
  object: ObjectProperties,
  path: string,
  read: (value: ReturnType<ObjectProperties['get']>) => T,
): Known<T> {
  const refusal = object.refusal(path)
  return refusal === undefined
    ? { kind: 'known', value: read(object.get(path)) }
    : { kind: 'unknown', why: refusal.message }
}

const refusals = new Set(['VSPHERE_FAULT', 'VSPHERE_PERMISSION_MISSING', 'VSPHERE_PROTOCOL'])

async function known<T>(ask: () => Promise<T>): Promise<Known<T>> {
  try {
    return { kind: 'known', value: await ask() }
  } catch (error) {
    if (!(error instanceof AppError) || !refusals.has(error.code)) throw error
    return { kind: 'unknown', why: error.message }
  }
}

/** Asks vCenter itself, which knows about roles, groups and propagation. */
async function missingPrivileges(
  session: VimSession,
  vm: MoRef,
  datastores: readonly MoRef[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { authorizationManager, sessionManager } = await session.content(signal)
  if (authorizationManager === undefined)
    throw new AppError('VSPHERE_FAULT', 'this server has no authorization manager')
  const current = await readObject(session, sessionManager, ['currentSession'], signal)
  const sessionKey = textOf(current.get('currentSession'), 'key')
  if (sessionKey === undefined) throw new AppError('VSPHERE_PROTOCOL', 'the session has no key')
  const missing = new Set<string>()
  const ask = async (on: 'vm' | 'datastore', entities: readonly MoRef[]): Promise<void> => {
    const wanted = neededPrivileges.filter(privilege => privilege.on === on).map(privilege => privilege.id)
    if (entities.length === 0) return
    const method = 'HasPrivilegeOnEntities'
    const args = [
      ...entities.map(entity => element('entity', entity)),
      element('sessionId', sessionKey),
      ...wanted.map(id => element('privId', id)),
    ]
    const answer = await session.call({ method, target: authorizationManager, args }, 'safe', signal)
    const answers = childrenOf(answer, 'returnval')
    if (answers.length !== entities.length)
      throw new AppError('VSPHERE_PROTOCOL', `${method} answered for ${answers.length} objects`)
    for (const entity of answers) {
      const granted = childrenOf(entity, 'privAvailability')
        .filter(privilege => flag(required(privilege, 'isGranted', method)) === true)
        .map(privilege => text(required(privilege, 'privId', method)))
      for (const id of wanted) if (!granted.includes(id)) missing.add(id)
    }
  }
  await ask('vm', [vm])
  await ask('datastore', datastores)
  return [...missing]
}
