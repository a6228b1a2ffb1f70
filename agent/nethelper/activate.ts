import { readFile } from 'node:fs/promises'
import { execa } from 'execa'
import { type BootClock, type Touched } from './changes.js'

const commandMs = 20_000

/** Lets systemd take up the files. Rejects when one of its tools refuses or hangs. */
export async function activateWithSystemd({ interfaces, hostName }: Touched): Promise<void> {
  await run('/usr/bin/networkctl', ['reload'])
  await run('/usr/bin/networkctl', ['reconfigure', ...interfaces])
  if (hostName !== null) await run('/usr/bin/hostnamectl', ['hostname', hostName])
  await run('/usr/bin/systemctl', ['try-restart', 'systemd-timesyncd.service'])
}

const run = (program: string, args: readonly string[]): Promise<unknown> =>
  execa(program, args, { env: {}, extendEnv: false, stdin: 'ignore', timeout: commandMs })

export const kernelClock: BootClock = {
  bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
  uptimeMs: async () => Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]) * 1000,
}
