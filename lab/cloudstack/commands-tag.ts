import { invalidValue } from './api-error.js'
import { contains, equal, filtered, type Call, type Cloud, type Command, type Outcome } from './command.js'
import { lists, maps, needed, ownedListParameters, texts } from './parameters.js'
import { tagFields } from './views.js'

interface Tagged {
  readonly id: string
  readonly type: 'Volume' | 'UserVm'
  readonly tags: Map<string, string>
}

function tagged(cloud: Cloud, type: string, resourceId: string): Tagged {
  const kind = type.toLowerCase()
  if (kind !== 'volume' && kind !== 'uservm') throw invalidValue(`Invalid resource type: ${type}`)
  const { volumes, vms } = cloud.site
  const found = kind === 'volume' ? volumes.get(resourceId) : vms.get(resourceId)
  if (found === undefined) throw invalidValue(`Unable to find resource by id ${resourceId} and type ${type}`)
  return { id: found.id, type: kind === 'volume' ? 'Volume' : 'UserVm', tags: found.tags }
}

/** All resources are looked up before any is changed. */
const tagJob =
  (change: (resource: Tagged, tags: readonly Readonly<Record<string, string>>[]) => void) =>
  ({ cloud, args }: Call): Outcome => {
    const resourceIds = args.list('resourceids') ?? []
    return {
      kind: 'job',
      request: {
        instance: { type: 'None', id: undefined },
        locks: resourceIds,
        work: () => {
          const resources = resourceIds.map(resourceId =>
            tagged(cloud, args.given('resourcetype'), resourceId),
          )
          cloud.volumes.beforeChange()
          for (const resource of resources) change(resource, args.entries('tags'))
          return Promise.resolve({ success: true })
        },
      },
    }
  }

const createTags = tagJob((resource, tags) => {
  for (const { key = '', value = '' } of tags) {
    if (key === '') throw invalidValue('Please specify a valid key for the tag')
    if (resource.tags.has(key))
      throw invalidValue(`tag ${key} already on ${resource.type} with id ${resource.id}`)
    resource.tags.set(key, value)
  }
})

/** Without tags all go; a tag with a value goes only if it has that value. */
const deleteTags = tagJob((resource, tags) => {
  if (tags.length === 0) resource.tags.clear()
  for (const { key = '', value } of tags)
    if (value === undefined || resource.tags.get(key) === value) resource.tags.delete(key)
})

function listTags({ cloud, args }: Call): Outcome {
  const { site } = cloud
  const resources = [
    ...[...site.volumes.values()].map(({ id, tags }) => ({ id, tags, type: 'Volume' as const })),
    ...[...site.vms.values()].map(({ id, tags }) => ({ id, tags, type: 'UserVm' as const })),
  ]
  const filters = [
    equal('key'),
    equal('value'),
    equal('resourceid'),
    equal('resourcetype'),
    equal('account'),
    equal('domainid'),
    contains('keyword', 'key'),
  ]
  const items = resources.flatMap(resource => tagFields(site, resource))
  return { kind: 'list', objectName: 'tag', items: filtered(items, args, filters) }
}

export const tagCommands: readonly Command[] = [
  {
    name: 'createTags',
    description: 'Creates resource tag(s)',
    javaClass: 'user.tag.CreateTagsCmd',
    parameters: [
      ...lists('resourceids').map(needed),
      ...texts('resourcetype').map(needed),
      ...maps('tags').map(needed),
      ...texts('customer'),
    ],
    run: createTags,
  },
  {
    name: 'deleteTags',
    description: 'Deleting resource tag(s)',
    javaClass: 'user.tag.DeleteTagsCmd',
    parameters: [...lists('resourceids').map(needed), ...texts('resourcetype').map(needed), ...maps('tags')],
    run: deleteTags,
  },
  {
    name: 'listTags',
    description: 'List resource tag(s)',
    parameters: [...texts('key', 'value', 'resourceid', 'resourcetype', 'customer'), ...ownedListParameters],
    run: listTags,
  },
]
