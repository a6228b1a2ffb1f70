import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { putFile, textOf } from '../agent/files/durable.js'
import { AppError } from '../agent/errors.js'
import type { Values } from '../console/form.js'
import { resultFiles, storedSecret } from './result.js'
import { passingKeys, secretKeys } from './steps/list.js'

const Progress = Type.Object(
  { stepId: Type.String(), answers: Type.Record(Type.String(), Type.String()) },
  { additionalProperties: false },
)

export interface ProgressSoFar {
  /** Null: nothing was stored yet. */
  readonly stepId: string | null
  readonly answers: Values
  readonly kept: ReadonlySet<string>
}

const secretMode = 0o600
const saltBytes = 16

/**
 * The wizard's progress on disk: one file of answers without secrets, one file per secret, readable by the owner only.
 * Each is replaced as a whole, so a kill at any moment leaves a state to go on from.
 */
export class WizardStore {
  readonly #stateDir: string
  readonly #resultDir: string

  constructor(stateDir: string, resultDir: string) {
    this.#stateDir = stateDir
    this.#resultDir = resultDir
  }

  /** Rejects with CONFIG_INVALID when the progress is not what this version writes. */
  async load(): Promise<ProgressSoFar> {
    const path = join(this.#stateDir, 'progress.json')
    const text = await textOf(path)
    const kept = new Set<string>()
    for (const key of secretKeys) if ((await textOf(this.#secretPath(key))) !== null) kept.add(key)
    if (text === null) return { stepId: null, answers: {}, kept }
    const value = jsonOf(path, text)
    if (!Value.Check(Progress, value))
      throw new AppError('CONFIG_INVALID', `${path} is not what this version writes`)
    return { ...value, kept }
  }

  /** Stores answers, and the secrets among them apart. Gives which secrets are stored now. */
  async save(stepId: string, answers: Values): Promise<ReadonlySet<string>> {
    const salt = await this.#salt()
    for (const key of secretKeys) {
      const value = answers[key] ?? ''
      if (value !== '') await putFile(this.#secretPath(key), storedSecret(key, value, salt), secretMode)
    }
    const open = Object.entries(answers).filter(([key]) => !secretKeys.has(key) && !passingKeys.has(key))
    const text = `${JSON.stringify({ stepId, answers: Object.fromEntries(open) })}\n`
    await putFile(join(this.#stateDir, 'progress.json'), text, secretMode)
    return (await this.load()).kept
  }

  /** Writes the result. The progress stays until `forget`: finishing again gives the same bytes. */
  async finish(answers: Values): Promise<void> {
    const secrets: Record<string, string> = {}
    for (const key of secretKeys) {
      const stored = await textOf(this.#secretPath(key))
      if (stored !== null) secrets[key] = stored
    }
    for (const { path, text, mode } of resultFiles(answers, secrets))
      await putFile(join(this.#resultDir, path), text, mode)
  }

  /** Ends the progress; the result stays. */
  async forget(): Promise<void> {
    await rm(join(this.#stateDir, 'secrets'), { recursive: true, force: true })
    await putFile(join(this.#stateDir, 'progress.json'), null, secretMode)
  }

  readonly #secretPath = (key: string): string => join(this.#stateDir, 'secrets', key)

  /** One per appliance, made once. */
  async #salt(): Promise<Buffer> {
    const path = join(this.#stateDir, 'salt')
    const stored = await textOf(path)
    if (stored !== null) return Buffer.from(stored, 'base64')
    const salt = randomBytes(saltBytes)
    await putFile(path, salt.toString('base64'), secretMode)
    return salt
  }
}

function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `${path} is not JSON`, cause)
  }
}
