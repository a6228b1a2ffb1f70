import { lstat, readdir, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import process from 'node:process'
import { setTimeout as after } from 'node:timers/promises'
import { daemonLink } from '../site/daemon-link.js'
import { type ProbeReport } from './protocol.js'

const [socket = '', byIdDir = '', fence = '', ...serials] = process.argv.slice(2)

/** Runs inside a guest: waits for each disk to be linked and asks at once for its export. One line of JSON for each. */
async function main(): Promise<void> {
  const daemon = daemonLink(socket)
  // The first call loads what calls need; its time is no disk's.
  await daemon.close('0'.repeat(20), fence)
  process.stdout.write('{"ready":true}\n')
  const waiting = new Set(serials)
  const opened: Promise<void>[] = []
  while (waiting.size > 0) {
    const links = await readdir(byIdDir).catch(() => [])
    for (const link of links) {
      const serial = [...waiting].find(one => link.endsWith(one))
      if (serial === undefined) continue
      waiting.delete(serial)
      opened.push(open(daemon, serial, join(byIdDir, link)))
    }
    await after(5)
  }
  await Promise.all(opened)
  await daemon.disconnect()
}

async function open(daemon: ReturnType<typeof daemonLink>, serial: string, link: string): Promise<void> {
  const linkAt = Date.now()
  const disk = join('/dev', basename(await readlink(link)))
  const { birthtimeMs: diskAt } = await lstat(disk)
  const answer = await daemon.open(serial, fence)
  if (typeof answer === 'string') throw new Error(`${serial}: ${answer}`)
  const report: ProbeReport = {
    serial,
    diskAt,
    linkAt,
    exportAt: Date.now(),
    socket: answer.socket,
    exportName: answer.exportName,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

await main()
