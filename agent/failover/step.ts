import { failoverId, type FailoverId } from '../domain/ids.js'
import { type Json } from '../domain/json.js'
import { type Step, type StepContext } from '../saga/step.js'
import { stepTexts, type StepName } from './catalog.js'
import { type Blueprint } from './blueprint.js'
import { type Failover, type FailoverDeps } from './deps.js'

/** Names the failover; everything else is looked up, so that a resumed saga sees what is true now. */
export type FailoverInput = { readonly failoverId: string }
export type FailoverContext = StepContext<FailoverDeps, FailoverInput>
export type FailoverStep<Output extends Json> = Step<FailoverDeps, FailoverInput, Output>

type Work<Output extends Json> = (deps: FailoverDeps, context: FailoverContext) => Promise<Output>

/** A step with the title that the explanation of a failover shows for its name. */
export function step<Output extends Json>(
  name: StepName,
  run: Work<Output>,
  undo?: Work<null>,
): FailoverStep<Output> {
  const { title } = stepTexts[name]
  if (undo === undefined) return { name, title, run }
  return {
    name,
    title,
    run,
    undo: async (deps, context) => {
      await undo(deps, context)
    },
  }
}

export const idOf = ({ input }: FailoverContext): FailoverId => failoverId(input.failoverId)

export const failoverOf = ({ store }: FailoverDeps, context: FailoverContext): Promise<Failover> =>
  store.failover(idOf(context))

export function blueprintOf({ id, blueprint }: Failover): Blueprint {
  if (blueprint === null) throw new Error(`failover ${id} has no blueprint`)
  return blueprint
}

export function targetOf({ id, targetVmId }: Failover) {
  if (targetVmId === null) throw new Error(`failover ${id} has no target VM`)
  return targetVmId
}

/** What the target VM boots: the clones of a test, the replicas otherwise. The root first. */
export function volumesFor({ id, kind, disks }: Failover) {
  return disks.map(({ volumeId, cloneId, diskKey }) => {
    if (kind !== 'test') return volumeId
    if (cloneId === null) throw new Error(`failover ${id} has no clone of disk ${diskKey}`)
    return cloneId
  })
}
