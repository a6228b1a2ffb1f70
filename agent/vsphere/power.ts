import { type SourceVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { isFault, OutcomeUnknown } from './faults.js'
import { findByUuid, powerOf as powerFrom, powerPaths, type PowerState } from './machines.js'
import { readVm, vmRef } from './properties.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import { type Tasks } from './tasks.js'
import { text, type MoRef } from './vim-xml.js'

const toolsPath = 'guest.toolsRunningStatus'

export async function powerOf(
  session: VimSession,
  vm: SourceVmId,
  signal: AbortSignal,
): Promise<{ readonly moref: string; readonly power: PowerState; readonly toolsRunning: boolean }> {
  const ref = await findByUuid(session, vm, signal)
  const object = await readVm(session, ref, [...powerPaths, toolsPath], signal)
  const tools = object.refusal(toolsPath) === undefined ? object.get(toolsPath) : undefined
  return {
    moref: ref.id,
    power: powerFrom(object.get),
    toolsRunning: tools !== undefined && text(tools) === 'guestToolsRunning',
  }
}

/** A guest that is off already, or on its way, is as wished. Asking twice does no harm. */
export async function shutDownGuest(session: VimSession, moref: string, signal: AbortSignal): Promise<void> {
  try {
    await session.call({ method: 'ShutdownGuest', target: vmRef(moref), args: [] }, 'never', signal)
  } catch (error) {
    // Whether it was heard shows in the VM, which the caller looks at.
    if (error instanceof OutcomeUnknown || isFault(error, 'InvalidPowerState')) return
    throw error
  }
}

const methods = { on: 'PowerOnVM_Task', off: 'PowerOffVM_Task' } as const
const maxRounds = 3

/** Looks before it acts, and resolves when the VM is seen so. */
export async function setPower(
  session: VimSession,
  tasks: Tasks,
  moref: string,
  wanted: 'on' | 'off',
  signal: AbortSignal,
): Promise<void> {
  const vm = vmRef(moref)
  const isSo = async (): Promise<boolean> => (await look(session, vm, signal)) === wanted
  for (let round = 1; !(await isSo()); round += 1) {
    const call: Call = { method: methods[wanted], target: vm, args: [] }
    if (round > maxRounds)
      throw new AppError('VSPHERE_FAULT', `${call.method} on ${moref} ended, but the VM is not ${wanted}`)
    try {
      await tasks.run(call, isSo, signal)
    } catch (error) {
      // The answer was lost, or somebody was faster: the VM itself tells.
      if (!(error instanceof OutcomeUnknown) && !isFault(error, 'InvalidPowerState')) throw error
    }
  }
}

const look = async (session: VimSession, vm: MoRef, signal: AbortSignal): Promise<PowerState> =>
  powerFrom((await readVm(session, vm, [...powerPaths], signal)).get)
