import { type Blueprint } from './blueprint.js'
import { type Explanation, type ExplainedStep } from './explain.js'
import { type ClosingAction } from './sagas.js'

/** The plan of a target VM as operators see it. */
export const machineView = (blueprint: Blueprint) => ({
  hostName: blueprint.hostName,
  serviceOffering: blueprint.serviceOfferingName,
  cpuCount: blueprint.cpuCount,
  memoryMib: blueprint.memoryMib,
  template: blueprint.templateName,
  firmware: blueprint.firmware,
  nics: blueprint.nics.map(nic => ({ ...nic })),
  disks: blueprint.disks.map(disk => ({ ...disk })),
})

const stepView = (step: ExplainedStep) => ({ ...step, calls: step.calls.map(call => ({ ...call })) })

export const explanationView = (
  { kind, findings, plan }: Explanation,
  closing: readonly { readonly action: ClosingAction; readonly steps: readonly ExplainedStep[] }[],
) => ({
  kind,
  findings: findings.map(finding => ({ ...finding })),
  plan:
    plan === null
      ? null
      : {
          machine: machineView(plan.facts.blueprint),
          steps: plan.steps.map(stepView),
          closing: closing.map(({ action, steps }) => ({ action, steps: steps.map(stepView) })),
          totalSeconds: plan.totalSeconds,
          downtimeSeconds: plan.downtimeSeconds,
          pointOfNoReturn: plan.pointOfNoReturn,
        },
})
