import { PlainObject } from './inventory.js'
import { type Handler } from './vcenter.js'
import { data, isData } from './vim-value.js'

/** What the inventory says of the free space is as old as the last of these calls. */
const refreshDatastore: Handler = (vcenter, call) => {
  const datastore = vcenter.inventory.get(call.target)
  const summary = datastore.property('summary')
  if (!(datastore instanceof PlainObject) || !isData(summary)) throw new TypeError('not a datastore')
  const { freeBytes } = vcenter.storage
  datastore.set('summary', data('DatastoreSummary', { ...summary.fields, freeSpace: freeBytes }))
  vcenter.inventory.changed()
  return undefined
}

export const datastoreMethods: Readonly<Record<string, Handler>> = { RefreshDatastore: refreshDatastore }
