import { execFile } from 'node:child_process'
import { readFile, realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const losetup = '/usr/sbin/losetup'

/** Others on this machine may take the device that losetup found free, before it does. */
const attachTries = 20

/** A new loop device over a file. Direct I/O is off: the file may lie on a tmpfs. */
export async function attachLoop(file: string): Promise<string> {
  for (let left = attachTries; ; left--) {
    try {
      const { stdout } = await run(losetup, ['--find', '--show', '--direct-io=off', file])
      return stdout.trim()
    } catch (error) {
      if (left <= 1 || !/busy|No such (device|file)/i.test(String(error))) throw error
      await after(10)
    }
  }
}

/** A device that a process still has open goes with that process's close. */
export async function detachLoop(device: string): Promise<void> {
  await run(losetup, ['--detach', device])
}

/** The device takes on the present size of its file. */
export async function resizeLoop(device: string): Promise<void> {
  await run(losetup, ['--set-capacity', device])
}

/**
 * LOOP_GET_STATUS64 and LOOP_SET_STATUS64 of linux/loop.h; lo_sizelimit is at byte 32 of the 232 of loop_info64. Node has
 * no ioctl and losetup sets the limit of a new device only, so Debian's ever-present perl makes the call.
 */
const cutScript = `
use strict;
open(my $device, '+<', $ARGV[0]) or die "open: $!";
my $info = "\\0" x 232;
ioctl($device, 0x4C05, $info) or die "LOOP_GET_STATUS64: $!";
substr($info, 32, 8) = pack('Q', 512);
ioctl($device, 0x4C04, $info) or die "LOOP_SET_STATUS64: $!";
`

/** The device shrinks to one sector: whoever has it open can read and write no more, as after an unplug. */
export async function cutLoop(device: string): Promise<void> {
  await run('/usr/bin/perl', ['-e', cutScript, device])
}

export interface LoopDevice {
  readonly device: string
  readonly file: string
}

/** The loop devices over files below a directory, deleted files included. */
export async function loopsBelow(directory: string): Promise<readonly LoopDevice[]> {
  const top = `${await realpath(directory)}${sep}`
  const { stdout } = await run(losetup, ['--list', '--json', '--output', 'NAME,BACK-FILE'])
  // Without any loop device losetup prints nothing at all.
  if (stdout.trim() === '') return []
  const listed = JSON.parse(stdout) as { loopdevices: readonly Record<string, string | null>[] }
  return listed.loopdevices
    .map(entry => ({ device: entry['name'] ?? '', file: entry['back-file'] ?? '' }))
    .filter(({ file }) => file.startsWith(top))
}

export async function mountTmpfs(directory: string, sizeBytes: number): Promise<void> {
  await run('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0700`, 'tmpfs', directory])
}

/** `--lazy`: files of it that are still open go with their close. */
export async function unmount(directory: string): Promise<void> {
  await run('/usr/bin/umount', ['--lazy', directory])
}

/** Mount points below a directory, deepest first. */
export async function mountsBelow(directory: string): Promise<readonly string[]> {
  const top = `${await realpath(directory)}${sep}`
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  return lines
    .map(line => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter(path => path.startsWith(top))
    .sort((one, other) => other.length - one.length)
}

const unescapeOctal = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
