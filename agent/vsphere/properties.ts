import { AppError } from '../errors.js'
import { faultOfLocalized, isFault, type VimFault } from './faults.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import {
  child, childrenOf, element, refOf, required, textOf, typed,
  type Element, type MoRef, type Node,
} from './vim-xml.js' // prettier-ignore

/** What vCenter told of one object. */
export interface ObjectProperties {
  readonly ref: MoRef
  /** Undefined: the property is not set. Throws the fault when vCenter refused to tell. */
  readonly get: (path: string) => Node | undefined
  /** Why a property is not here, although it may be set. */
  readonly refusal: (path: string) => VimFault | undefined
}

const propSet = (type: string, paths: readonly string[]): Element =>
  element('propSet', [
    element('type', type),
    element('all', false),
    ...paths.map(path => element('pathSet', path)),
  ])

/** A filter of properties of one object. */
export const objectFilter = (ref: MoRef, paths: readonly string[]): readonly Element[] => [
  propSet(ref.type, paths),
  element('objectSet', [element('obj', ref), element('skip', false)]),
]

/** A filter of properties of the objects a property of `from` refers to; `from` itself is left out. */
export const referredFilter = (
  from: MoRef,
  through: string,
  ...wanted: readonly { readonly type: string; readonly paths: readonly string[] }[]
): readonly Element[] => [
  ...wanted.map(({ type, paths }) => propSet(type, paths)),
  element('objectSet', [
    element('obj', from),
    element('skip', true),
    typed('selectSet', 'TraversalSpec', [
      element('name', through),
      element('type', from.type),
      element('path', through),
      element('skip', false),
    ]),
  ]),
]

export const retrieveCall = (
  collector: MoRef,
  filter: readonly Element[],
  maxObjects: number | undefined,
): Call => ({
  method: 'RetrievePropertiesEx',
  target: collector,
  args: [
    element('specSet', filter),
    element('options', maxObjects === undefined ? [] : [element('maxObjects', maxObjects)]),
  ],
})

export interface Page {
  readonly objects: readonly ObjectProperties[]
  /** Undefined: this was the last page. */
  readonly token: string | undefined
}

/** From the response of RetrievePropertiesEx or its continuation; no `returnval` means that nothing matched. */
export function pageOf(response: Node, what: string): Page {
  const result = child(response, 'returnval')
  return {
    objects: childrenOf(result, 'objects').map(object => propertiesOf(object, what)),
    token: textOf(result, 'token'),
  }
}

function propertiesOf(object: Node, what: string): ObjectProperties {
  const ref = refOf(child(object, 'obj'), what)
  const values = new Map<string, Node>()
  for (const property of childrenOf(object, 'propSet'))
    values.set(textOf(property, 'name') ?? '', required(property, 'val', what))
  const refusals = new Map<string, VimFault>()
  for (const missing of childrenOf(object, 'missingSet')) {
    const path = textOf(missing, 'path') ?? ''
    refusals.set(
      path,
      faultOfLocalized(`reading ${path} of ${ref.type} ${ref.id}`, required(missing, 'fault', what)),
    )
  }
  return {
    ref,
    get: path => {
      const refusal = refusals.get(path)
      if (refusal !== undefined) throw refusal
      return values.get(path)
    },
    refusal: path => refusals.get(path),
  }
}

/** All objects of a filter; for filters that match few. */
export async function retrieve(
  session: VimSession,
  filter: readonly Element[],
  signal: AbortSignal,
): Promise<readonly ObjectProperties[]> {
  const { propertyCollector } = await session.content(signal)
  const call = retrieveCall(propertyCollector, filter, undefined)
  let page = pageOf(await session.call(call, 'safe', signal), call.method)
  const objects = [...page.objects]
  while (page.token !== undefined) {
    const next = continueCall(propertyCollector, page.token)
    page = pageOf(await session.call(next, 'bound', signal), next.method)
    objects.push(...page.objects)
  }
  return objects
}

export const continueCall = (collector: MoRef, token: string): Call => ({
  method: 'ContinueRetrievePropertiesEx',
  target: collector,
  args: [element('token', token)],
})

/** The properties of one object; a fault of vCenter when there is no such object. */
export async function readObject(
  session: VimSession,
  ref: MoRef,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ObjectProperties> {
  const [object] = await retrieve(session, objectFilter(ref, paths), signal)
  if (object === undefined)
    throw new AppError('VSPHERE_PROTOCOL', `vCenter has nothing to say of ${ref.type} ${ref.id}`)
  return object
}

export const vmRef = (moref: string): MoRef => ({ type: 'VirtualMachine', id: moref })

/** What was asked of a VM; its absence is SOURCE_VM_UNKNOWN. */
export async function ofVm<T>(vm: MoRef, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!isFault(error, 'ManagedObjectNotFound')) throw error
    throw new AppError('SOURCE_VM_UNKNOWN', `${vm.id} is not in the inventory`, error)
  }
}

export const readVm = (
  session: VimSession,
  vm: MoRef,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ObjectProperties> => ofVm(vm, readObject(session, vm, paths, signal))
