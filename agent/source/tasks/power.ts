import { type TaskInput, type TaskResult } from '../../api/worker.js'
import { sourceVmId } from '../../domain/ids.js'
import { AppError } from '../../errors.js'
import { type SourceVsphere } from '../deps.js'

export interface PowerDeps {
  readonly vsphere: Pick<SourceVsphere, 'power' | 'shutDownGuest' | 'powerOff' | 'powerOn'>
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** Between two looks at a guest that goes down. */
const lookMs = 500

export async function readPower(
  vsphere: PowerDeps['vsphere'],
  { sourceVmId: id }: TaskInput<'read-power'>,
  signal: AbortSignal,
): Promise<TaskResult<'read-power'>> {
  const { power, toolsRunning } = await vsphere.power(sourceVmId(id), signal)
  return { power, toolsRunning }
}

/**
 * Resolves when the VM is seen off. A guest that cannot be asked, or does not go down in time, is powered off where that
 * was allowed; otherwise the task rejects with SOURCE_SHUTDOWN_HANGS. May be run again: a VM that is off is as wished.
 */
export async function shutDownVm(
  { vsphere, pause }: PowerDeps,
  { sourceVmId: id, seconds, onHang }: TaskInput<'shut-down-vm'>,
  signal: AbortSignal,
): Promise<TaskResult<'shut-down-vm'>> {
  const startedMs = performance.now()
  const spent = (): number => (performance.now() - startedMs) / 1000
  const first = await vsphere.power(sourceVmId(id), signal)
  if (first.power === 'off') return { how: 'was-off', seconds: 0 }
  if (first.power !== 'on')
    throw new AppError('SOURCE_VM_NOT_OFF', `VM ${id} (${first.moref}) is ${first.power}`)
  if (first.toolsRunning) {
    await vsphere.shutDownGuest(first.moref, signal)
    while (spent() < seconds) {
      await pause(lookMs, signal)
      signal.throwIfAborted()
      if ((await vsphere.power(sourceVmId(id), signal)).power === 'off')
        return { how: 'guest', seconds: spent() }
    }
  }
  if (onHang === 'abort') {
    const why = first.toolsRunning
      ? `${seconds} s after its guest was asked to shut down`
      : 'its guest cannot be asked'
    throw new AppError('SOURCE_SHUTDOWN_HANGS', `VM ${id} (${first.moref}) is still on: ${why}`)
  }
  await vsphere.powerOff(first.moref, signal)
  return { how: 'forced', seconds: spent() }
}

export async function powerOnVm(
  { vsphere }: PowerDeps,
  { sourceVmId: id }: TaskInput<'power-on-vm'>,
  signal: AbortSignal,
): Promise<TaskResult<'power-on-vm'>> {
  const { moref, power } = await vsphere.power(sourceVmId(id), signal)
  await vsphere.powerOn(moref, signal)
  return { wasOn: power === 'on' }
}
