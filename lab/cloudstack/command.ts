import { type Devices } from './devices.js'
import { type Jobs, type JobRequest } from './jobs.js'
import { type Arguments, type ParameterSpec } from './parameters.js'
import { type Fields } from './reply.js'
import { type Site } from './site.js'
import { type Storage } from './storage.js'
import { type VolumeOperations } from './volume-operations.js'

/** All a command can reach. */
export interface Cloud {
  readonly site: Site
  readonly jobs: Jobs
  readonly volumes: VolumeOperations
  readonly devices: Devices
  readonly storage: Storage
  /** How long a snapshot stays BackingUp after its job has ended. */
  readonly snapshotBackupMs: number
  /** Of the account the key belongs to. */
  readonly role: 'admin' | 'user'
  readonly limits: { readonly maxVolumeGib: number; readonly maxDataVolumes: number }
}

export interface Call {
  readonly cloud: Cloud
  readonly args: Arguments
  /** Answer with the list as it was before the latest change. */
  readonly isStale: boolean
}

/** A filter of a list command: the parameter, the field it is compared with, and how. Text ignores case, as MySQL does. */
export interface Filter {
  readonly parameter: string
  readonly field: string
  readonly match: 'equal' | 'contains' | 'one-of'
}

export type Outcome =
  | { readonly kind: 'fields'; readonly fields: Fields }
  /** All matching objects; the caller cuts out the page. */
  | { readonly kind: 'list'; readonly objectName: string; readonly items: readonly Fields[] }
  | {
      readonly kind: 'job'
      /** Of the object a create command has made an entry for. */
      readonly createdId?: string
      readonly request: Omit<JobRequest, 'command' | 'commandClass'>
    }

export interface Command {
  readonly name: string
  readonly description: string
  /** Below org.apache.cloudstack.api.command; of asynchronous commands. */
  readonly javaClass?: string
  /** The role of an ordinary user may not call it. */
  readonly isForAdmins?: boolean
  readonly parameters: readonly ParameterSpec[]
  readonly run: (call: Call) => Outcome | Promise<Outcome>
}

export const equal = (parameter: string, field = parameter): Filter => ({ parameter, field, match: 'equal' })
export const contains = (parameter: string, field = parameter): Filter => ({
  parameter,
  field,
  match: 'contains',
})
export const oneOf = (parameter: string, field: string): Filter => ({ parameter, field, match: 'one-of' })

/** The objects that pass all filters whose parameter was given; `tags` filters by all its pairs. */
export function filtered(
  items: readonly Fields[],
  args: Arguments,
  filters: readonly Filter[],
): readonly Fields[] {
  const wanted = args.entries('tags').map(({ key = '', value = '' }) => ({ key, value }))
  return items.filter(
    item => filters.every(filter => passes(item, args, filter)) && wanted.every(tag => hasTag(item, tag)),
  )
}

function passes(item: Fields, args: Arguments, filter: Filter): boolean {
  const field = item[filter.field]
  const text = field === undefined ? undefined : scalarText(field)
  switch (filter.match) {
    case 'equal': {
      const wanted = args.text(filter.parameter) ?? args.flag(filter.parameter)?.toString()
      return wanted === undefined || text === wanted.toLowerCase()
    }
    case 'contains': {
      const wanted = args.text(filter.parameter)
      return wanted === undefined || (text?.includes(wanted.toLowerCase()) ?? false)
    }
    case 'one-of': {
      const wanted = args.list(filter.parameter)
      return wanted === undefined || (text !== undefined && wanted.includes(text))
    }
  }
}

const scalarText = (value: Fields[string]): string | undefined =>
  typeof value === 'object' || value === undefined ? undefined : String(value).toLowerCase()

function hasTag(item: Fields, wanted: { readonly key: string; readonly value: string }): boolean {
  const tags = item['tags']
  return (
    Array.isArray(tags) &&
    tags.some((tag: Fields) => tag['key'] === wanted.key && tag['value'] === wanted.value)
  )
}
