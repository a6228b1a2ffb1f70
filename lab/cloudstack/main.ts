import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type LocalDevicesChoice } from './options.js'
import { CloudstackSimulator } from './simulator.js'

const devicesChoices: readonly string[] = ['loop', 'file', 'auto'] satisfies LocalDevicesChoice[]
const isDevicesChoice = (text: string): text is LocalDevicesChoice => devicesChoices.includes(text)

/**
 * A simulated CloudStack for clients outside this program: prints one JSON line when it can be used and ends on SIGTERM
 * or SIGINT, detaching all devices and removing what it kept. `--directory DIR` uses a directory of the caller's, which
 * stays; a next start there also cleans up after one that was killed.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      directory: { type: 'string' },
      'by-id': { type: 'string' },
      devices: { type: 'string', default: 'auto' },
      'api-key': { type: 'string' },
      lenient: { type: 'boolean', default: false },
    },
  })
  if (!isDevicesChoice(values.devices)) throw new Error('--devices is one of loop, file, auto')
  const directory = values.directory ?? (await mkdtemp(join(tmpdir(), 'ossea-cloudstack-')))
  const simulator = await CloudstackSimulator.start({
    directory,
    port: Number(values.port),
    devices: values.devices,
    strictParameters: !values.lenient,
    ...(values['by-id'] === undefined ? {} : { byIdDir: values['by-id'] }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    vms: [{ name: 'web-01' }, { name: 'db-01', power: 'off' }],
  })
  const facts = {
    url: simulator.url,
    host: simulator.host,
    port: simulator.port,
    apiKey: simulator.apiKey,
    secretKey: simulator.secretKey,
    ids: simulator.ids,
    devices: simulator.devices,
    byIdDir: simulator.byIdDir,
    directory,
  }
  const stop = async (): Promise<void> => {
    await simulator.close()
    if (values.directory === undefined) await rm(directory, { recursive: true, force: true })
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`)
          process.exit(1)
        },
      )
    })
  }
  process.stdout.write(`${JSON.stringify(facts)}\n`)
}

await main()
