import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, type FileHandle } from 'node:fs/promises'
import { AppError } from '../errors.js'

/**
 * Locks a file until the returned handle is closed; the kernel frees it however this process ends. Rejects with
 * ALREADY_RUNNING when another process has it.
 */
export async function lockInstance(path: string): Promise<FileHandle> {
  const file = await open(path, 'a', 0o600)
  try {
    const status = await flock(file.fd)
    if (status === 0) return file
    if (status === 1) throw new AppError('ALREADY_RUNNING', `another process holds ${path}`)
    throw new AppError('CONFIG_INVALID', `${path} cannot be locked (flock: ${status ?? 'killed'})`)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** A flock(2) lock belongs to the open file, which the program shares with us: it ends, the lock stays. */
async function flock(fd: number): Promise<number | null> {
  const argv = ['--exclusive', '--nonblock', '0']
  const child = spawn('/usr/bin/flock', argv, { stdio: [fd, 'ignore', 'ignore'], env: {} })
  await once(child, 'exit')
  return child.exitCode
}
