import { CloudstackError, CloudstackFault } from './failure.js'

type Fields = Readonly<Record<string, unknown>>

/** Below the setting default.page.size of every usual installation (500). */
const firstPageSize = 200
/** A list that changes under the reader is read again. */
const maxReadings = 3

/**
 * Reads a list command page by page until the total CloudStack names is there. An object that moved from one page to
 * another while they were read would be missed, so a list that does not add up is read again, and CLOUDSTACK_PROTOCOL
 * says when it never does.
 */
export async function readList(
  read: (page: { readonly page: string; readonly pagesize: string }) => Promise<Fields>,
  command: string,
  objectName: string,
): Promise<readonly Fields[]> {
  let size = firstPageSize
  for (let reading = 1; reading <= maxReadings; reading += 1) {
    const found = new Map<string, Fields>()
    for (let page = 1; ; page += 1) {
      const answer = await readPage(page)
      const { count, objects } = pageOf(command, objectName, answer)
      for (const object of objects) found.set(identityOf(object), object)
      if (found.size === count) return [...found.values()]
      if (objects.length < size) break
    }
  }
  throw new CloudstackError('CLOUDSTACK_PROTOCOL', `${command}: the pages do not add up to the total`, {
    effect: 'none',
  })

  async function readPage(page: number): Promise<Fields> {
    try {
      return await read({ page: page.toString(), pagesize: size.toString() })
    } catch (error) {
      const most = error instanceof CloudstackFault ? largestPage.exec(error.message)?.[1] : undefined
      if (page !== 1 || most === undefined || Number(most) >= size || Number(most) < 1) throw error
      size = Number(most)
      return readPage(page)
    }
  }
}

/** `Page size can not exceed max allowed page size value: 50`. */
const largestPage = /page size value: (\d{1,6})/i

function pageOf(command: string, objectName: string, answer: Fields) {
  // An empty list has neither count nor array, a page beyond the end no array.
  const { count = 0, [objectName]: objects = [] } = answer
  if (typeof count !== 'number' || !Array.isArray(objects) || !objects.every(isObject))
    throw new CloudstackError('CLOUDSTACK_PROTOCOL', `${command}: ${objectName} is not a list`, {
      effect: 'none',
    })
  return { count, objects }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A template is listed once for each zone under one id. */
const identityOf = (object: Fields): string =>
  typeof object['id'] === 'string' ? `${object['id']} ${String(object['zoneid'])}` : JSON.stringify(object)
