import { sourceVmId, type SourceVmId } from '../domain/ids.js'
import { passOfSnapshotName } from '../domain/names.js'
import { type Logger } from '../log/logger.js'
import { type ListedVm } from '../source/deps.js'
import { capacitiesOf } from './devices.js'
import { isFault, OutcomeUnknown } from './faults.js'
import { entityName, powerOf, powerPaths } from './machines.js'
import { containerView, readPlaces, type Places } from './places.js'
import { continueCall, pageOf, referredFilter, retrieveCall, type ObjectProperties } from './properties.js'
import { type VimSession } from './session.js'
import { listedSnapshots } from './snapshot-tree.js'
import { child, element, flag, refOf, text, type MoRef, type Node } from './vim-xml.js'

/** What is parsed takes ten times its size in memory; smaller pages cost no more CPU. */
const pageObjects = 50
const maxRestarts = 2

/**
 * The capacity of a disk stands nowhere but in its device: `summary.storage` counts allocated space with swap and
 * snapshots, `layoutEx` the sizes of files. So the devices are asked for, and dropped page by page.
 */
const needed = ['name', 'config.instanceUuid', 'config.template', 'config.hardware.device', ...powerPaths]

/** A VM that vCenter does not tell these of is listed all the same. */
const wished = ['parent', 'runtime.host', 'snapshot']

/**
 * All VMs the user can see, without templates, each once. A VM whose configuration vCenter cannot read (orphaned,
 * inaccessible, being made) has no identity and is left out. When the session ends in the middle the list starts again
 * behind what was given out.
 */
export async function* listVms(
  session: VimSession,
  logger: Logger,
  signal: AbortSignal,
): AsyncGenerator<readonly ListedVm[]> {
  const given = new Set<SourceVmId>()
  let places: Places | undefined
  for (let restarts = 0; ; restarts += 1) {
    try {
      places ??= await readPlaces(session, signal)
      const known = places
      for await (const objects of pages(session, signal)) {
        const fresh = objects
          .flatMap(object => listed(object, known, logger))
          .filter(vm => !given.has(vm.instanceUuid))
        for (const vm of fresh) given.add(vm.instanceUuid)
        if (fresh.length > 0) yield fresh
      }
      return
    } catch (error) {
      if (!isLostView(error) || restarts >= maxRestarts) throw error
      logger.info({ err: error }, 'the list of VMs starts again')
    }
  }
}

/** The view or the place in it went with its session, or its next page was lost on the way. */
const isLostView = (error: unknown): boolean =>
  error instanceof OutcomeUnknown ||
  isFault(error, 'NotAuthenticated', 'ManagedObjectNotFound', 'InvalidArgument')

async function* pages(session: VimSession, signal: AbortSignal): AsyncGenerator<readonly ObjectProperties[]> {
  const { propertyCollector, viewManager, rootFolder } = await session.content(signal)
  const make = containerView(viewManager, rootFolder, ['VirtualMachine'])
  const view = refOf(child(await session.call(make, 'safe', signal), 'returnval'), make.method)
  let token: string | undefined
  try {
    const first = retrieveCall(propertyCollector, viewFilter(view), pageObjects)
    let page = pageOf(await session.call(first, 'bound', signal), first.method)
    for (;;) {
      token = page.token
      yield page.objects
      if (token === undefined) return
      const next = continueCall(propertyCollector, token)
      token = undefined
      page = pageOf(await session.call(next, 'bound', signal), next.method)
    }
  } finally {
    if (token !== undefined)
      session.errand('give up a list', {
        method: 'CancelRetrievePropertiesEx',
        target: propertyCollector,
        args: [element('token', token)],
      })
    session.errand('destroy a view', { method: 'DestroyView', target: view, args: [] })
  }
}

const viewFilter = (view: MoRef) =>
  referredFilter(view, 'view', { type: 'VirtualMachine', paths: [...needed, ...wished] })

function listed(object: ObjectProperties, places: Places, logger: Logger): readonly ListedVm[] {
  const refusal = needed.map(object.refusal).find(found => found !== undefined)
  if (refusal !== undefined) {
    logger.warn({ vm: object.ref.id, err: refusal }, 'a VM is left out: vCenter does not tell enough of it')
    return []
  }
  const uuid = textAt(object.get('config.instanceUuid'))
  if (uuid === '' || flag(object.get('config.template')) === true) return []
  const capacities = capacitiesOf(object.get('config.hardware.device'))
  return [
    {
      instanceUuid: sourceVmId(uuid.toLowerCase()),
      name: entityName(textAt(object.get('name'))),
      power: powerOf(object.get),
      diskCount: capacities.length,
      capacityBytes: capacities.reduce((sum, bytes) => sum + bytes, 0n),
      folder: places.folderOf(wish(object, 'parent')),
      host: places.hostOf(wish(object, 'runtime.host')),
      passSnapshots: listedSnapshots(wish(object, 'snapshot'))
        .map(snapshot => snapshot.name)
        .filter(name => passOfSnapshotName(name) !== undefined),
    },
  ]
}

const wish = (object: ObjectProperties, path: string): Node | undefined =>
  object.refusal(path) === undefined ? object.get(path) : undefined

const textAt = (node: Node | undefined): string => (node === undefined ? '' : text(node))
