import { machineMarkOf } from '../../domain/failover.js'
import { networkDifferences } from '../../domain/network-mapping.js'
import { AppError } from '../../errors.js'
import { type Failover, type FailoverDeps } from '../deps.js'
import { lookFor } from '../../saga/look-for.js'
import { blueprintOf, failoverOf, step, targetOf, volumesFor, type FailoverContext } from '../step.js'
import { returnToSource, sourceMustBeOff, targetMustBeStopped } from './source.js'

const markOf = ({ vmName, id }: Failover): string => machineMarkOf(vmName, id)

/** Made before the source goes down, so that its making is no part of the downtime. */
export const createMachine = step(
  'vm-creation',
  async (deps, context) => {
    const failover = await failoverOf(deps, context)
    const vm = await deps.cloud.deploy(markOf(failover), blueprintOf(failover), context.signal)
    await deps.store.recordTarget(failover.id, vm)
    deps.logger.info({ failover: failover.id, target: vm }, 'target VM made')
    return { targetVmId: vm }
  },
  destroyMachine,
)

/** Expunging a VM deletes its root, so it has to have none of the volumes that stay. */
async function destroyMachine(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const failover = await failoverOf(deps, context)
  const { cloud, store } = deps
  const keep = failover.disks.flatMap(({ volumeId, cloneId }) =>
    cloneId === null ? [volumeId] : [volumeId, cloneId],
  )
  const known = failover.targetVmId === null ? [] : [failover.targetVmId]
  const marked = await cloud.machinesMarked(markOf(failover), context.signal)
  for (const vm of new Set([...known, ...marked])) {
    await cloud.stop(vm, context.signal)
    await cloud.destroy(vm, keep, context.signal)
  }
  // A crash between the detaching and the deleting of it left it to nobody.
  if (failover.templateRootId !== null && failover.targetVmId !== null)
    await cloud.discardRoot(failover.targetVmId, failover.templateRootId, context.signal)
  await store.recordTarget(failover.id, failover.targetVmId)
  return null
}

export const deleteMachine = step('test-vm-deletion', destroyMachine)

/** Its id is recorded before it is detached: afterwards nothing shows whose it was. */
export const removeTemplateRoot = step('template-root-removal', async (deps, context) => {
  const { cloud, store } = deps
  const failover = await failoverOf(deps, context)
  const vm = targetOf(failover)
  let root = failover.templateRootId
  if (root === null) {
    const disks = await cloud.volumesOf(vm, context.signal)
    const found = disks.find(disk => disk.deviceId === 0)
    const own = new Set<string>(volumesFor(failover))
    if (found === undefined || own.has(found.id))
      throw new AppError('FAILOVER_TARGET_CHANGED', `target VM ${vm} has no disk of its template`)
    root = found.id
    await store.recordTemplateRoot(failover.id, root)
  }
  await cloud.discardRoot(vm, root, context.signal)
  return null
})

/** What CloudStack made counts, not what it was asked for. */
export const checkNetworks = step('network-check', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  await networksMustBeRight(deps, failover, context.signal)
  return null
})

async function networksMustBeRight(
  deps: FailoverDeps,
  failover: Failover,
  signal: AbortSignal,
): Promise<void> {
  const vm = targetOf(failover)
  const { nics } = blueprintOf(failover)
  const machine = await deps.cloud.machine(vm, signal)
  if (machine === undefined) throw new AppError('TARGET_VM_UNKNOWN', `CloudStack has no VM ${vm}`)
  const found = machine.nics.map(({ networkId }) => networkId)
  const wanted = nics.map(({ networkId }) => networkId)
  const wrong = nics.length === 0 ? [] : [...networkDifferences(wanted, found)]
  if (failover.kind === 'test') {
    const { liveNetworks } = await deps.store.networks(failover.sourceVmId)
    for (const id of found)
      if (liveNetworks.has(id))
        wrong.push(`is on network ${id}, where ${(liveNetworks.get(id) ?? []).join(', ')} go live`)
  }
  if (wrong.length > 0)
    throw new AppError('FAILOVER_NETWORK_WRONG', `target VM ${machine.name} (${vm}) ${wrong.join(', ')}`)
}

export const startMachine = step(
  'vm-startup',
  async (deps, context) => {
    const { cloud } = deps
    const failover = await failoverOf(deps, context)
    const vm = targetOf(failover)
    await disksMustBeRight(deps, failover, context.signal)
    await networksMustBeRight(deps, failover, context.signal)
    if (failover.kind !== 'test') {
      await sourceMustBeOff(deps, failover, context.signal)
      await deps.store.diverge(failover.id)
    }
    await cloud.start(vm, context.signal)
    return null
  },
  async (deps, context) => {
    await stopTarget(deps, context)
    return returnToSource(deps, context)
  },
)

/** The root is disk 0, and the others follow in the source's order. */
async function disksMustBeRight(
  { cloud }: FailoverDeps,
  failover: Failover,
  signal: AbortSignal,
): Promise<void> {
  const vm = targetOf(failover)
  const wanted: readonly string[] = volumesFor(failover)
  const disks = await cloud.volumesOf(vm, signal)
  const found = disks.toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0)).map(({ id }) => id)
  const isRooted = disks.find(({ deviceId }) => deviceId === 0)?.id === wanted[0]
  if (isRooted && found.join() === wanted.join()) return
  throw new AppError(
    'FAILOVER_TARGET_CHANGED',
    `target VM ${vm} has disks ${found.join(', ') || 'none'}, wanted ${wanted.join(', ')}`,
  )
}

async function stopTarget(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const failover = await failoverOf(deps, context)
  if (failover.targetVmId === null) return null
  if ((await deps.cloud.machine(failover.targetVmId, context.signal)) === undefined) return null
  await deps.cloud.stop(failover.targetVmId, context.signal)
  await targetMustBeStopped(deps, failover, context.signal)
  return null
}

export const stopMachine = step('test-vm-shutdown', stopTarget)

/** Running for a while is what can be seen from outside; a source that came up meanwhile stops it. */
export const checkBoot = step('vm-validation', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  const { cloud, timing, now } = deps
  const vm = targetOf(failover)
  let sinceMs: number | undefined
  let state = 'not seen'
  const evidence = await lookFor(deps, context.signal, timing.bootLimitMs, async () => {
    const machine = await cloud.machine(vm, context.signal)
    state = machine?.state ?? 'gone'
    if (machine === undefined || state !== 'Running') {
      sinceMs = undefined
      return undefined
    }
    sinceMs ??= now().getTime()
    const observedMs = now().getTime() - sinceMs
    if (observedMs < timing.bootSteadyMs) return undefined
    const addresses = machine.nics.flatMap(({ address }) => (address === null ? [] : [address]))
    return { state, observedSeconds: observedMs / 1000, addresses }
  })
  if (evidence === undefined)
    throw new AppError('FAILOVER_BOOT_FAILED', `target VM ${vm} is ${state} after ${timing.bootLimitMs} ms`)
  if (failover.kind !== 'test') await sourceMustBeOff(deps, failover, context.signal)
  return evidence
})

export const openWindow = step('window-opening', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  const evidence = context.outputOf(checkBoot)
  await deps.store.open(failover.id, evidence)
  deps.logger.info({ failover: failover.id, target: failover.targetVmId }, 'target VM is up')
  return null
})

export const nameMachine = step('vm-naming', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  await deps.cloud.rename(targetOf(failover), failover.vmName, context.signal)
  return null
})
