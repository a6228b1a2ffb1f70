import { randomBytes } from 'node:crypto'
import { open, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Test } from 'tap'
import { NbdError } from '../../native/errors.js'

export const mib = 1024n * 1024n
export const whole = (sizeBytes: bigint) => [{ offset: 0n, length: sizeBytes }]

/** A sparse image with data, zero-filled allocated areas and holes. */
export async function makeSource(dir: string, sizeBytes: bigint): Promise<string> {
  const path = join(dir, 'source.img')
  await writeFile(path, '')
  await truncate(path, Number(sizeBytes))
  const file = await open(path, 'r+')
  await file.write(randomBytes(3 * 1024 * 1024 + 777), 0, undefined, 1234567)
  await file.write(Buffer.alloc(2 * 1024 * 1024), 0, undefined, 16 * 1024 * 1024)
  await file.write(randomBytes(513), 0, 513, Number(sizeBytes) - 513)
  await file.close()
  return path
}

export async function makeDirtyTarget(dir: string, sizeBytes: bigint): Promise<string> {
  const path = join(dir, 'target.img')
  await writeFile(path, Buffer.alloc(Number(sizeBytes), 0xee))
  return path
}

export const identical = async (t: Test, a: string, b: string): Promise<void> => {
  const { exitCode } = await execa('/usr/bin/cmp', [a, b], { reject: false })
  t.equal(exitCode, 0, `cmp ${a} ${b}`)
}

/** What the copy fails with; throws when it succeeds. */
export const failureOf = async (attempt: Promise<unknown>): Promise<NbdError> => {
  try {
    await attempt
  } catch (error) {
    if (error instanceof NbdError) return error
    throw error
  }
  throw new Error('the copy succeeded')
}
