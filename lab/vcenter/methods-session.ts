import { invalidArgument, VimFault } from './fault.js'
import { forSession } from './property-filter.js'
import { readPath } from './property-path.js'
import { sessionOf, type Handler, type Vcenter } from './vcenter.js'
import { flagOf, optionalRef, optionalText, refOf, textList, textOf, type MoRef } from './vim-value.js'
import { type Vm } from './vm.js'

const login: Handler = (vcenter, call) => {
  const locale = optionalText(call.args, 'locale')
  if (locale !== null && !/^en(_[A-Z]{2})?$/.test(locale))
    throw new VimFault('InvalidLocale', 'The locale is not supported.')
  const refuse = vcenter.faults.take('refuse-login') !== null
  if (call.session !== null || refuse)
    throw new VimFault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.')
  const { userName, password } = {
    userName: textOf(call.args, 'userName'),
    password: textOf(call.args, 'password'),
  }
  const session = vcenter.sessions.login(userName, password, call.ipAddress, call.userAgent)
  call.beginSession(session)
  return session.toData()
}

const fetchProperty: Handler = (vcenter, call) => {
  const object = forSession(vcenter.inventory.get(call.target), call.session?.toData() ?? null)
  const { declared, value } = readPath(vcenter.schema, object, textOf(call.args, 'prop'))
  return value === undefined ? undefined : { kind: 'typed', declared, value }
}

/** Walks down by name from the root folder, as `Datacenter/vm/folder/name`. */
function findByPath(vcenter: Vcenter, path: string): MoRef | undefined {
  let at: MoRef = vcenter.rootFolder
  for (const name of path.split('/').filter(part => part !== '')) {
    const next = childrenOf(vcenter, at).find(child => nameOf(vcenter, child) === decodeURIComponent(name))
    if (next === undefined) return undefined
    at = next
  }
  return at
}

function childrenOf(vcenter: Vcenter, at: MoRef): MoRef[] {
  const object = vcenter.inventory.find(at)
  const children: MoRef[] = []
  for (const property of [
    'childEntity',
    'vmFolder',
    'hostFolder',
    'datastoreFolder',
    'networkFolder',
    'host',
  ]) {
    const value = object?.property(property)
    for (const one of Array.isArray(value) ? (value as readonly unknown[]) : [value])
      if (typeof one === 'object' && one !== null && 'kind' in one && one.kind === 'ref')
        children.push(one as MoRef)
  }
  return children
}

const nameOf = (vcenter: Vcenter, object: MoRef): unknown => vcenter.inventory.find(object)?.property('name')

function vmsByUuid(vcenter: Vcenter, args: Parameters<Handler>[1]['args']): MoRef[] {
  const uuid = textOf(args, 'uuid').toLowerCase()
  if (!/^[0-9a-f-]{32,36}$/.test(uuid)) throw invalidArgument('uuid')
  const datacenter = optionalRef(args, 'datacenter')
  if (datacenter !== null) vcenter.inventory.get(datacenter)
  if (!flagOf(args, 'vmSearch')) return []
  const byInstance = flagOf(args, 'instanceUuid')
  const matches = (vm: Vm): boolean => (byInstance ? vm.identity.instanceUuid : vm.identity.uuid) === uuid
  return [...vcenter.vms.values()].filter(matches).map(vm => vm.ref)
}

export const sessionMethods: Readonly<Record<string, Handler>> = {
  RetrieveServiceContent: (vcenter, call) => vcenter.inventory.get(call.target).property('content'),
  CurrentTime: () => new Date(),
  Fetch: fetchProperty,
  Login: login,
  Logout: (vcenter, call) => {
    vcenter.sessions.end(sessionOf(call))
    return undefined
  },
  SessionIsActive: (vcenter, call) =>
    vcenter.sessions.all.some(
      session =>
        session.key === textOf(call.args, 'sessionID') && session.userName === textOf(call.args, 'userName'),
    ),
  TerminateSession: (vcenter, call) => {
    for (const key of textList(call.args, 'sessionId')) {
      const session = vcenter.sessions.all.find(other => other.key === key)
      if (session === undefined)
        throw new VimFault('NotFound', 'The object or item referred to could not be found.')
      vcenter.sessions.end(session)
    }
    return undefined
  },
  FindByUuid: (vcenter, call) => vmsByUuid(vcenter, call.args)[0],
  FindAllByUuid: (vcenter, call) => vmsByUuid(vcenter, call.args),
  FindByInventoryPath: (vcenter, call) => findByPath(vcenter, textOf(call.args, 'inventoryPath')),
  FindChild: (vcenter, call) => {
    const entity = refOf(call.args, 'entity')
    vcenter.inventory.get(entity)
    return childrenOf(vcenter, entity).find(child => nameOf(vcenter, child) === textOf(call.args, 'name'))
  },
}
