import process from 'node:process'
import { productProgram, runProgram } from '../program.js'
import { isTier, tiers } from '../tier.js'
import { demoClient } from './client.js'

const usageStatus = 2

/** The console on recorded data: no agent, no appliance, nothing that can break. */
async function main(): Promise<void> {
  const [tier, ...more] = process.argv.slice(2)
  if (more.length > 0 || (tier !== undefined && !isTier(tier))) {
    process.stderr.write(`usage: npm run console:demo [-- ${tiers.join('|')}]\n`)
    process.exitCode = usageStatus
    return
  }
  const client = demoClient(Date.now)
  await runProgram({
    ...productProgram,
    hostName: 'oma-demo',
    addresses: () => [{ interfaceName: 'ens3', address: '192.0.2.10' }],
    client,
    pageClient: client,
    wantedTier: tier ?? null,
  })
}

await main()
