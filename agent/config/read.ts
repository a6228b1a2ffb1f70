import { open } from 'node:fs/promises'
import { parse } from 'smol-toml'
import { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { AppError } from '../errors.js'
import { LimitsFile } from './limits-file.js'
import { OmaConfig, VcenterCredentials, VmaConfig, VolumedConfig, type AgentConfig } from './schema.js'

const maxFileBytes = 64 * 1024
const roles = { oma: OmaConfig, vma: VmaConfig, volumed: VolumedConfig } as const

/** Reads a process's TOML file. Unknown keys are refused. Rejects with CONFIG_INVALID, which names the file and the key. */
export async function readConfig(path: string): Promise<AgentConfig> {
  const value = parseToml(path, await readText(path, 'anybody'))
  const role = value['role']
  if (role !== 'oma' && role !== 'vma' && role !== 'volumed')
    throw new AppError('CONFIG_INVALID', `${path}: role has to be "oma", "vma" or "volumed"`)
  return checked(path, roles[role], value)
}

/** Read anew at each use, so that a stored change counts at once. Rejects with CONFIG_INVALID without any value in it. */
/** Read anew when it has changed. Rejects with CONFIG_INVALID. */
export async function readLimits(path: string): Promise<LimitsFile> {
  return checked(path, LimitsFile, parseToml(path, await readText(path, 'anybody')))
}

export async function readVcenterCredentials(path: string) {
  return checked(path, VcenterCredentials, parseToml(path, await readText(path, 'owner')))
}

async function readText(path: string, readers: 'owner' | 'anybody'): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const facts = await file.stat()
      if (!facts.isFile() || facts.size > maxFileBytes)
        throw new AppError('CONFIG_INVALID', `${path}: not a file of at most ${maxFileBytes} bytes`)
      if (readers === 'owner' && (facts.mode & 0o077) !== 0)
        throw new AppError('CONFIG_INVALID', `${path}: others may read it; its mode has to be 0600`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    throw new AppError('CONFIG_INVALID', `${path}: ${code}`, cause)
  }
}

function parseToml(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (cause) {
    // The parser's own message quotes the text around the fault, which may be a secret; so it is no cause either.
    const line = cause instanceof Error && 'line' in cause ? ` in line ${String(cause.line)}` : ''
    throw new AppError('CONFIG_INVALID', `${path}: not TOML${line}`)
  }
}

function checked<Schema extends TSchema>(path: string, schema: Schema, value: unknown): Static<Schema> {
  if (Value.Check(schema, value)) return value
  const [first] = Value.Errors(schema, value)
  const key = (first?.instancePath ?? '').slice(1).replaceAll('/', '.')
  // An unknown key is reported by the checker as one that matches the schema `false`.
  const what = first?.keyword === 'boolean' ? 'is not a known key' : (first?.message ?? 'is not valid')
  throw new AppError('CONFIG_INVALID', `${path}: ${key === '' ? 'the file' : key} ${what}`)
}
