import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.js'
import { replaceFile } from '../files/durable.js'
import { Secret } from '../log/secret.js'
import { type CredentialsStore } from './deps.js'
import { type ApiKey } from './signature.js'

const prefix = 'cloudstack-'
const refPattern = /^cloudstack-[0-9a-f-]{36}$/
const maxBytes = 16 * 1024

/**
 * One file for each key in a directory only the agent may enter, mode 0600. A file is whole or not there, and
 * never changed.
 */
export function credentialsFiles(directory: string): CredentialsStore {
  const pathOf = (ref: string): string => {
    if (!refPattern.test(ref)) throw new AppError('CLOUDSTACK_CREDENTIALS_LOST', 'the reference is not valid')
    return join(directory, ref)
  }
  return {
    add: key => {
      const ref = `${prefix}${randomUUID()}`
      return named(`writing to ${directory}`, async () => {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await replaceFile(pathOf(ref), contentOf(key), 0o600)
        return ref
      })
    },
    read: ref => named(`reading ${pathOf(ref)}`, () => readKey(pathOf(ref))),
    remove: ref => named(`removing ${pathOf(ref)}`, () => rm(pathOf(ref), { force: true })),
    keepOnly: ref =>
      named(`cleaning ${directory}`, async () => {
        for (const name of await namesIn(directory))
          if (name.startsWith(prefix) && name !== ref) await rm(join(directory, name), { force: true })
      }),
  }
}

const contentOf = (key: ApiKey): string =>
  JSON.stringify({ apiKey: key.apiKey, secretKey: key.secretKey.reveal() })

async function readKey(path: string): Promise<ApiKey> {
  const facts = await lstat(path)
  if (!facts.isFile() || facts.uid !== process.getuid?.() || (facts.mode & 0o077) !== 0)
    throw new AppError(
      'CLOUDSTACK_CREDENTIALS_LOST',
      `${path} has to be a file of the agent alone, mode 0600`,
    )
  if (facts.size > maxBytes) throw new AppError('CLOUDSTACK_CREDENTIALS_LOST', `${path} is too large`)
  const file = await open(path, 'r')
  try {
    return keyFrom(path, await file.readFile('utf8'))
  } finally {
    await file.close()
  }
}

/** The parser's own error would quote the content. */
function keyFrom(path: string, content: string): ApiKey {
  try {
    const { apiKey, secretKey } = JSON.parse(content) as Readonly<Record<string, unknown>>
    if (typeof apiKey === 'string' && typeof secretKey === 'string')
      return { apiKey, secretKey: new Secret(secretKey) }
  } catch {
    // Told below, together with a content of another shape.
  }
  throw new AppError('CLOUDSTACK_CREDENTIALS_LOST', `${path} does not hold a key`)
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

async function named<T>(attempt: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('CLOUDSTACK_CREDENTIALS_LOST', attempt, cause)
  }
}
