import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { replicateVms } from './scenarios/replicate.js'
import { type Cleanup } from './site/cleanup.js'
import { LabSite } from './site/site.js'

const consolePath = join(import.meta.dirname, '../console/main.js')

/** The simulated site with the console on it, until the console is left. Gives the console's exit status. */
export async function openDemo(dir: string, cleanup: Cleanup): Promise<number> {
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  try {
    const writer = { bytesPerSec: 1024 * 1024 }
    const site = await LabSite.start({ dir, cleanup, say, vms: replicateVms, generatedVms: 20, writer })
    // One VM replicates already, so that there is something to see; the others are the visitor's.
    const job = await site.createJob('db-01')
    await site.operator.startPass(job.id)
    return await runConsole(site.product.operatorSocket, cleanup)
  } finally {
    say('closing the lab')
    for (const complaint of await cleanup.run()) process.stderr.write(`lab: ${complaint}\n`)
  }
}

async function runConsole(socketPath: string, cleanup: Cleanup): Promise<number> {
  const child = spawn(process.execPath, [consolePath, '--socket', socketPath], { stdio: 'inherit' })
  const ended = once(child, 'exit')
  cleanup.add('the console', async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  await ended
  return child.exitCode ?? 1
}
