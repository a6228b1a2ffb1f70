import { statfs } from 'node:fs/promises'
import os from 'node:os'
import type { MachineFacts } from './page.js'

export async function machineFacts(): Promise<MachineFacts> {
  const disk = await statfs('/', { bigint: true })
  return {
    cpuCount: os.cpus().length,
    load: os.loadavg(),
    upSeconds: os.uptime(),
    memoryBytes: String(os.totalmem()),
    freeBytes: String(os.freemem()),
    diskBytes: String(disk.blocks * disk.bsize),
    diskFreeBytes: String(disk.bavail * disk.bsize),
  }
}
