import { isFields, type Fields } from './api.js'
import { type Change } from './changes.js'

export interface Tag {
  readonly key: string
  readonly value: string
}

/** On everything this product makes; nothing without it is ever deleted. */
export const ownerTag: Tag = { key: 'ossea-migrate', value: 'owned' }

export const hasTag = ({ tags }: Fields, wanted: Tag): boolean =>
  Array.isArray(tags) &&
  tags.some(tag => isFields(tag) && tag['key'] === wanted.key && tag['value'] === wanted.value)

/** The wish that an object carries our tag. */
export const tagChange = <T>(
  resourceType: 'Volume' | 'Snapshot',
  id: string,
  observe: Change<T>['observe'],
): Change<T> => ({
  operation: `createTags ${id}`,
  command: 'createTags',
  parameters: {
    resourceids: id,
    resourcetype: resourceType,
    'tags[0].key': ownerTag.key,
    'tags[0].value': ownerTag.value,
  },
  observe,
})
