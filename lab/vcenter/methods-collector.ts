import { invalidArgument } from './fault.js'
import { PlainObject, type ManagedObject } from './inventory.js'
import { checkSpec, collect, objectContent, orUnset, select, type Selected } from './property-filter.js'
import { type Session } from './sessions.js'
import { PropertyFilter, UpdateCollector } from './update-collector.js'
import { sessionOf, type Call, type Handler, type Vcenter } from './vcenter.js'
import {
  data, dataList, dataOf, flagOf, isList, isRef, numberOf, optionalText, ref, refOf, textList, textOf,
  type DataObject, type MoRef, type VimValue,
} from './vim-value.js' // prettier-ignore

function selectAll(vcenter: Vcenter, args: DataObject): Selected[] {
  const specs = dataList(args, 'specSet')
  for (const spec of specs) checkSpec(vcenter.world, spec)
  return specs.flatMap(spec => select(vcenter.world, spec))
}

/** Hands out a page; what is left waits in the session under a token. */
function page(vcenter: Vcenter, session: Session, rest: readonly Selected[], maxObjects: number): DataObject {
  const now = rest.slice(0, maxObjects)
  const later = rest.slice(maxObjects)
  let token: string | undefined
  if (later.length > 0) {
    token = vcenter.nextId('token')
    session.pages.set(token, { rest: later, maxObjects })
  }
  return data('RetrieveResult', { token, objects: contents(vcenter, session, now) })
}

function contents(vcenter: Vcenter, session: Session, selected: readonly Selected[]): DataObject[] {
  const world = { ...vcenter.world, session: session.toData() }
  return selected.flatMap(one => {
    const collected = collect(world, one)
    return collected === null ? [] : [objectContent(one.ref, collected)]
  })
}

function pendingPage(call: Call) {
  const session = sessionOf(call)
  const token = textOf(call.args, 'token')
  const pending = session.pages.get(token)
  if (pending === undefined) throw invalidArgument('token')
  session.pages.delete(token)
  return { session, pending }
}

function collectorOf(vcenter: Vcenter, call: Call): UpdateCollector {
  const session = sessionOf(call)
  const id = call.target.id
  let collector = session.collectors.get(id)
  if (collector === undefined) {
    collector = new UpdateCollector(vcenter.world, vcenter.encoder)
    session.collectors.set(id, collector)
  }
  return collector
}

function own(vcenter: Vcenter, call: Call, object: ManagedObject): MoRef {
  vcenter.inventory.add(object)
  sessionOf(call).owned.add(object.ref)
  return object.ref
}

function disown(vcenter: Vcenter, call: Call, object: MoRef): void {
  const session = sessionOf(call)
  for (const mine of session.owned)
    if (mine.type === object.type && mine.id === object.id) session.owned.delete(mine)
  vcenter.inventory.remove(object)
}

function waitOptions(args: DataObject) {
  const options = args.fields['options'] === undefined ? null : dataOf(args, 'options')
  const seconds = options === null ? null : numberOf(options, 'maxWaitSeconds')
  if (seconds !== null && seconds < 0) throw invalidArgument('options.maxWaitSeconds')
  const maxObjectUpdates = options === null ? null : numberOf(options, 'maxObjectUpdates')
  if (maxObjectUpdates !== null && maxObjectUpdates <= 0) throw invalidArgument('options.maxObjectUpdates')
  return { waitMs: seconds === null ? null : seconds * 1000, maxObjectUpdates }
}

/** The members of a container of the types asked for, computed at each look, as vSphere keeps views up to date. */
class ContainerView extends PlainObject {
  private readonly vcenter: Vcenter

  constructor(vcenter: Vcenter, ref: MoRef, values: Record<string, VimValue | undefined>) {
    super(ref, values)
    this.vcenter = vcenter
  }

  override property(name: string): VimValue | undefined {
    return name === 'view' ? this.members() : super.property(name)
  }

  private members(): MoRef[] {
    const container = super.property('container')
    const types = super.property('type')
    const recursive = super.property('recursive') === true
    const wanted = isList(types) ? types.filter(type => typeof type === 'string') : []
    const members: MoRef[] = []
    const seen = new Set<string>()
    const visit = (at: MoRef): void => {
      for (const child of containedIn(this.vcenter, at)) {
        if (seen.has(child.id)) continue
        seen.add(child.id)
        if (wanted.length === 0 || wanted.some(type => this.vcenter.schema.isObjectSubtype(child.type, type)))
          members.push(child)
        if (recursive) visit(child)
      }
    }
    if (isRef(container)) visit(container)
    return members
  }
}

const containment: readonly string[] = [
  'childEntity', 'vmFolder', 'hostFolder', 'datastoreFolder', 'networkFolder', 'host', 'resourcePool',
] // prettier-ignore

function containedIn(vcenter: Vcenter, at: MoRef): MoRef[] {
  const object = vcenter.inventory.find(at)
  // A VM names its resource pool, but does not contain it.
  if (object === undefined || at.type === 'VirtualMachine') return []
  return containment.flatMap(name => {
    const value = object.property(name)
    if (isRef(value)) return [value]
    return isList(value) ? value.filter(isRef) : []
  })
}

const createContainerView: Handler = (vcenter, call) => {
  const container = refOf(call.args, 'container')
  vcenter.inventory.get(container)
  const containers = ['Folder', 'Datacenter', 'ComputeResource', 'ResourcePool', 'HostSystem']
  if (!containers.some(type => vcenter.schema.isObjectSubtype(container.type, type)))
    throw invalidArgument('container')
  const types = textList(call.args, 'type')
  for (const type of types) if (!vcenter.schema.knowsObject(type)) throw invalidArgument('type')
  return own(
    vcenter,
    call,
    new ContainerView(
      vcenter,
      ref('ContainerView', `session[${sessionOf(call).key}]${vcenter.nextId('view')}`),
      {
        container,
        type: types,
        recursive: flagOf(call.args, 'recursive'),
      },
    ),
  )
}

const createFilter: Handler = (vcenter, call) => {
  const spec = dataOf(call.args, 'spec')
  checkSpec(vcenter.world, spec)
  select(vcenter.world, spec)
  const id = `session[${sessionOf(call).key}]${vcenter.nextId('filter')}`
  const filter = new PropertyFilter(ref('PropertyFilter', id), spec, flagOf(call.args, 'partialUpdates'))
  collectorOf(vcenter, call).filters.push(filter)
  return own(vcenter, call, filter)
}

const destroyFilter: Handler = (vcenter, call) => {
  for (const collector of sessionOf(call).collectors.values()) {
    const index = collector.filters.findIndex(filter => filter.ref.id === call.target.id)
    if (index >= 0) collector.filters.splice(index, 1)
  }
  disown(vcenter, call, call.target)
  return undefined
}

export const collectorMethods: Readonly<Record<string, Handler>> = {
  RetrieveProperties: (vcenter, call) =>
    orUnset(contents(vcenter, sessionOf(call), selectAll(vcenter, call.args))),
  RetrievePropertiesEx: (vcenter, call) => {
    const maxObjects = numberOf(dataOf(call.args, 'options'), 'maxObjects')
    if (maxObjects !== null && maxObjects <= 0) throw invalidArgument('options.maxObjects')
    const all = selectAll(vcenter, call.args)
    if (all.length === 0) return undefined
    return page(vcenter, sessionOf(call), all, maxObjects ?? all.length)
  },
  ContinueRetrievePropertiesEx: (vcenter, call) => {
    const { session, pending } = pendingPage(call)
    return page(vcenter, session, pending.rest, pending.maxObjects)
  },
  CancelRetrievePropertiesEx: (_vcenter, call) => {
    pendingPage(call)
    return undefined
  },
  CreateFilter: createFilter,
  DestroyPropertyFilter: destroyFilter,
  CheckForUpdates: (vcenter, call) =>
    collectorOf(vcenter, call).wait(optionalText(call.args, 'version') ?? '', {
      waitMs: 0,
      maxObjectUpdates: null,
    }),
  WaitForUpdates: (vcenter, call) =>
    collectorOf(vcenter, call).wait(optionalText(call.args, 'version') ?? '', {
      waitMs: null,
      maxObjectUpdates: null,
    }),
  WaitForUpdatesEx: (vcenter, call) =>
    collectorOf(vcenter, call).wait(optionalText(call.args, 'version') ?? '', waitOptions(call.args)),
  CancelWaitForUpdates: (vcenter, call) => {
    collectorOf(vcenter, call).cancel()
    return undefined
  },
  CreatePropertyCollector: (vcenter, call) => {
    const id = `session[${sessionOf(call).key}]${vcenter.nextId('collector')}`
    return own(vcenter, call, new PlainObject(ref('PropertyCollector', id), {}))
  },
  DestroyPropertyCollector: (vcenter, call) => {
    const session = sessionOf(call)
    const collector = session.collectors.get(call.target.id)
    collector?.cancel()
    for (const filter of collector?.filters ?? []) disown(vcenter, call, filter.ref)
    session.collectors.delete(call.target.id)
    disown(vcenter, call, call.target)
    return undefined
  },
  CreateContainerView: createContainerView,
  CreateListView: (vcenter, call) => {
    const objects = call.args.fields['obj']
    const id = `session[${sessionOf(call).key}]${vcenter.nextId('view')}`
    return own(vcenter, call, new PlainObject(ref('ListView', id), { view: objects ?? [] }))
  },
  DestroyView: (vcenter, call) => {
    disown(vcenter, call, call.target)
    return undefined
  },
}
