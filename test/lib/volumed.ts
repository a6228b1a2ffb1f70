import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test } from 'tap'
import { type VolumedConfig } from '../../agent/config/schema.js'
import { serialOfVolume, volumeId, type VolumeId } from '../../agent/domain/ids.js'
import { temporaryDir } from './nbdkit.js'

export const volume = volumeId('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0')
export const other = volumeId('ffffffff-4b5a-6978-8796-a5b4c3d2e1f0')
export const volumeBytes = 4n * 1024n * 1024n
export const never = new AbortController().signal

/** The directories of a daemon, with one device: an image file linked as udev links a disk of that serial. */
export async function volumedStand(t: Test) {
  const dir = await temporaryDir(t)
  const config: VolumedConfig = {
    role: 'volumed',
    log_level: 'info',
    api: { socket: join(dir, 'volumed.sock') },
    by_id_dir: join(dir, 'by-id'),
    names_dir: join(dir, 'names'),
    state_dir: join(dir, 'state'),
    export_socket_dir: join(dir, 'exports'),
    staging_dir: join(dir, 'staging'),
    nbdkit: '/usr/bin/nbdkit',
    qemu_nbd: '/usr/bin/qemu-nbd',
    qemu_img: '/usr/bin/qemu-img',
  }
  const { by_id_dir, names_dir, state_dir, export_socket_dir, staging_dir } = config
  for (const made of [by_id_dir, names_dir, state_dir, export_socket_dir, staging_dir])
    await mkdir(made, { mode: 0o700 })
  const image = join(dir, 'volume.img')
  await writeFile(image, '')
  await truncate(image, Number(volumeBytes))
  const linkOf = (of: VolumeId): string => join(config.by_id_dir, `virtio-${serialOfVolume(of)}`)
  await symlink(image, linkOf(volume))
  const fenceFile = join(config.state_dir, `${serialOfVolume(volume)}.fence`)
  const sockets = async (): Promise<string[]> =>
    (await readdir(config.export_socket_dir)).filter(name => !name.endsWith('.pid'))
  return { config, dir, image, linkOf, fenceFile, sockets }
}

export interface VolumedProcess {
  readonly child: ChildProcess
  /** Everything it logged. */
  readonly log: () => string
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

/** Starts the daemon as a process of its own; resolves when it is ready or has ended. Killed with the test. */
export async function startVolumedProcess(t: Test, config: VolumedConfig): Promise<VolumedProcess> {
  const program = fileURLToPath(new URL('../agent/volumes/fixtures/volumed-process.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let log = ''
  const ready = new Promise<void>(resolve => {
    child.stdout.on('data', (text: Buffer) => {
      log += text.toString()
      if (log.includes('volume daemon ready')) resolve()
    })
  })
  const closed = once(child, 'close')
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await closed
  }
  t.teardown(() => end('SIGKILL'))
  await Promise.race([ready, closed])
  return { child, log: () => log, end }
}

/** Ids of running processes one of whose arguments is `argument`. */
export async function processesWith(argument: string): Promise<number[]> {
  const found = []
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.split('\0').includes(argument)) found.push(Number(pid))
  }
  return found
}
