import { isFields, type Fields } from './api.js'
import { type Change } from './changes.js'

export interface Tag {
  readonly key: string
  readonly value: string
}

/** Names one installation of this product, which keeps it in its database: two of them may share an account. */
export type InstallationId = string

/** On everything this installation makes; nothing without it is ever deleted. */
export const ownerTag = (installation: InstallationId): Tag => ({ key: 'ossea-migrate', value: installation })

export const hasTag = ({ tags }: Fields, wanted: Tag): boolean =>
  Array.isArray(tags) &&
  tags.some(tag => isFields(tag) && tag['key'] === wanted.key && tag['value'] === wanted.value)

/** The wish that an object carries our tag. */
export const tagChange = <T>(
  resourceType: 'Volume' | 'Snapshot' | 'UserVm',
  id: string,
  tag: Tag,
  observe: Change<T>['observe'],
): Change<T> => ({
  operation: `createTags ${id}`,
  command: 'createTags',
  parameters: {
    resourceids: id,
    resourcetype: resourceType,
    'tags[0].key': tag.key,
    'tags[0].value': tag.value,
  },
  observe,
})
