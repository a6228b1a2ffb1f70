import { type Test } from 'tap'
import { type SimulatorOptions } from '../../lab/cloudstack/options.js'
import { CloudstackSimulator } from '../../lab/cloudstack/simulator.js'
import { temporaryDir } from '../lib/nbdkit.js'
import { RawCloudstack } from './cloudstack-client.js'

/** A simulator and a client of its own; ended with the test, which fails if the simulator met a bug. */
export async function startCloud(t: Test, options: Partial<SimulatorOptions> = {}) {
  const directory = await temporaryDir(t)
  const cloud = await CloudstackSimulator.start({ directory, jobDelayMs: 1, ...options })
  t.teardown(() => cloud.close())
  return { cloud, client: new RawCloudstack(cloud), ids: cloud.ids, directory }
}

type Started = Awaited<ReturnType<typeof startCloud>>

/** A volume of the custom offering; its id. */
export async function makeVolume({ client, ids }: Started, name: string, sizeGib = 1): Promise<string> {
  const job = await client.job('createVolume', {
    name,
    zoneid: ids.zone,
    diskofferingid: ids.customDiskOffering,
    size: String(sizeGib),
  })
  const result = job['jobresult'] as { volume?: { id: string } }
  if (result.volume === undefined) throw new Error(`createVolume: ${JSON.stringify(job)}`)
  return result.volume.id
}

export const listed = async (
  { client }: Pick<Started, 'client'>,
  filter: Readonly<Record<string, string>> = {},
): Promise<readonly Record<string, unknown>[]> => {
  const reply = await client.call('listVolumes', { type: 'DATADISK', ...filter })
  return (reply['volume'] ?? []) as readonly Record<string, unknown>[]
}
