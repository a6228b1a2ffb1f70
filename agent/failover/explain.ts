import { type FailoverKind } from '../domain/failover.js'
import { stepTexts, type PlannedCall, type PlanFacts, type StepName } from './catalog.js'
import { closingSagas, startingSagas, type ClosingAction, type FailoverSaga } from './sagas.js'
import { type FailoverFinding } from '../domain/network-mapping.js'
import { type Preflight } from './preflight.js'
import { type PreflightRequest } from './preflight-facts.js'

export interface ExplainedStep {
  readonly name: string
  readonly title: string
  readonly calls: readonly PlannedCall[]
  readonly risk: string
  readonly seconds: number
  /** `measured`: by earlier runs of the step. */
  readonly basis: 'measured' | 'assumed'
  /** The service of the VM is down while it runs. */
  readonly isDowntime: boolean
}

export interface Explanation {
  readonly kind: FailoverKind
  readonly findings: readonly FailoverFinding[]
  readonly plan: {
    readonly facts: PlanFacts
    readonly steps: readonly ExplainedStep[]
    readonly totalSeconds: number
    readonly downtimeSeconds: number
    /** The step until which the operator can cancel, and what it is called there. */
    readonly pointOfNoReturn: string
  } | null
}

/** Median seconds of earlier runs, by step; a step that never ran is not in it. */
export type MeasuredSteps = ReadonlyMap<string, number>

const downFrom = 'source-power-off'

/** What a failover would do, from the same list of steps that would do it. */
export function explain(request: PreflightRequest, found: Preflight, measured: MeasuredSteps): Explanation {
  const { blueprint, findings, sourcePower } = found
  if (blueprint === null) return { kind: request.kind, findings, plan: null }
  const facts: PlanFacts = {
    kind: request.kind,
    vmName: request.vmName,
    blueprint,
    sourceIsOn: request.kind === 'live' && sourcePower === 'on',
  }
  const steps = explainSteps(startingSagas[request.kind], facts, measured)
  const sum = (some: readonly ExplainedStep[]) => some.reduce((total, { seconds }) => total + seconds, 0)
  return {
    kind: request.kind,
    findings,
    plan: {
      facts,
      steps,
      totalSeconds: sum(steps),
      downtimeSeconds: sum(steps.filter(({ isDowntime }) => isDowntime)),
      pointOfNoReturn: request.kind === 'test' ? 'none' : stepTexts.commit.title,
    },
  }
}

/** What closing it would do. */
export const explainClosing = (
  action: ClosingAction,
  facts: PlanFacts,
  measured: MeasuredSteps,
): readonly ExplainedStep[] => explainSteps(closingSagas[action], facts, measured)

function explainSteps(
  saga: FailoverSaga,
  facts: PlanFacts,
  measured: MeasuredSteps,
): readonly ExplainedStep[] {
  const names = saga.steps.map(({ name }) => name as StepName)
  const down = facts.sourceIsOn ? names.indexOf(downFrom) : -1
  return names.map((name, index) => {
    const { title, risk, calls, assumedSeconds } = stepTexts[name]
    const known = measured.get(name)
    return {
      name,
      title,
      risk,
      calls: calls(facts),
      seconds: known ?? assumedSeconds(facts),
      basis: known === undefined ? 'assumed' : 'measured',
      isDowntime: down >= 0 && index >= down,
    }
  })
}
