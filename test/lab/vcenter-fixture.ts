import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test } from 'tap'
import { type SimulatorOptions } from '../../lab/vcenter/options.js'
import { VcenterSimulator } from '../../lab/vcenter/simulator.js'
import { RawClient } from './vcenter-soap.js'

const MIB = 1024n * 1024n

/** A simulator with two small VMs of one name, vm-101 on and vm-102 off; ended with the test. */
export async function startSimulator(
  t: Test,
  options: Partial<SimulatorOptions> = {},
): Promise<VcenterSimulator> {
  const directory = await mkdtemp(join(tmpdir(), 'ossea-vcenter-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const simulator = await VcenterSimulator.start({
    directory,
    taskDelayMs: 1,
    vms: [
      { name: 'web', folder: ['a'], disks: [{ sizeBytes: MIB }] },
      { name: 'web', folder: ['b'], power: 'off', disks: [{ sizeBytes: MIB }] },
    ],
    ...options,
  })
  t.teardown(() => simulator.close())
  return simulator
}

/** The same, and a client with a session. */
export async function loggedIn(t: Test, options: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator(t, options)
  const client = new RawClient(simulator)
  await client.login()
  return { simulator, client }
}

export const containerView = (type: string): string =>
  '<_this type="ViewManager">ViewManager</_this><container type="Folder">group-d1</container>' +
  `<type>${type}</type><recursive>true</recursive>`
