import { entityName } from './machines.js'
import { referredFilter, retrieve } from './properties.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import { child, element, refOf, text, type MoRef, type Node } from './vim-xml.js'

/** Where VMs are, for people: nothing is ever found by it. */
export interface Places {
  /** From the value of a VM's `parent`. */
  readonly folderOf: (parent: Node | undefined) => string
  /** From the value of a VM's `runtime.host`. */
  readonly hostOf: (host: Node | undefined) => string | null
}

interface Place {
  readonly type: string
  /** As vCenter writes it: a `/` of the name is `%2f`. */
  readonly name: string
  readonly parent: string | undefined
}

/** More levels than any inventory has; ends the walk when a move between two answers made a circle. */
const maxDepth = 100

export const containerView = (viewManager: MoRef, root: MoRef, types: readonly string[]): Call => ({
  method: 'CreateContainerView',
  target: viewManager,
  args: [element('container', root), ...types.map(type => element('type', type)), element('recursive', true)],
})

/** The names of all folders, datacenters and hosts, which are few beside the VMs. */
export async function readPlaces(session: VimSession, signal: AbortSignal): Promise<Places> {
  const { viewManager, rootFolder } = await session.content(signal)
  const make = containerView(viewManager, rootFolder, ['Folder', 'Datacenter', 'HostSystem'])
  const view = refOf(child(await session.call(make, 'safe', signal), 'returnval'), make.method)
  try {
    const filter = referredFilter(
      view,
      'view',
      { type: 'Folder', paths: ['name', 'parent'] },
      { type: 'Datacenter', paths: ['name', 'parent'] },
      { type: 'HostSystem', paths: ['name'] },
    )
    const places = new Map<string, Place>()
    for (const { ref, get, refusal } of await retrieve(session, filter, signal)) {
      const told = (path: string) => (refusal(path) === undefined ? get(path) : undefined)
      const name = told('name')
      const parent = told('parent')
      places.set(ref.id, {
        type: ref.type,
        name: name === undefined ? '?' : text(name),
        parent: parent === undefined ? undefined : refOf(parent, 'parent').id,
      })
    }
    return {
      folderOf: parent => (parent === undefined ? '' : folderPath(places, refOf(parent, 'parent').id)),
      hostOf: host => {
        const name = host === undefined ? undefined : places.get(refOf(host, 'host').id)?.name
        return name === undefined ? null : entityName(name)
      },
    }
  } finally {
    session.errand('destroy a view', { method: 'DestroyView', target: view, args: [] })
  }
}

/** The folder every datacenter has for its VMs is left out, as vCenter's own lists leave it out. */
function folderPath(places: ReadonlyMap<string, Place>, from: string): string {
  const names: string[] = []
  let at: string | undefined = from
  for (let depth = 0; at !== undefined && depth < maxDepth; depth += 1) {
    const place = places.get(at)
    if (place === undefined) break
    const above: Place | undefined = place.parent === undefined ? undefined : places.get(place.parent)
    if (!(place.type === 'Folder' && above?.type === 'Datacenter')) names.unshift(place.name)
    at = place.parent
  }
  return names.join('/')
}
