import { type PassDetailView } from '../../agent/api/schemas.js'

/** Who is killed. `nbd-servers`: every server of a volume or an overlay that runs at that moment. */
export const victims = ['oma', 'volumed', 'vma', 'mariadb', 'nbd-servers'] as const
export type Victim = (typeof victims)[number]

/** Before anything of the step, while it works, and after all of it but before anybody knows. */
export const phases = ['before', 'during', 'after'] as const
export type Phase = (typeof phases)[number]

export interface CrashPoint {
  readonly step: string
  readonly phase: Phase
  readonly victim: Victim
}

/** Within a step only who works on it can be hit; whether the others die before or after makes no difference to it. */
const hitDuring: ReadonlySet<Victim> = new Set(['oma', 'volumed', 'nbd-servers'])

/**
 * Every step of a pass, as the agent's own list of them has it, in every phase with every victim: a step that is new is
 * crashed in without anybody thinking of it. The servers come last in a phase, when it is known whether there are any.
 */
export const crashPoints = (pass: PassDetailView): readonly CrashPoint[] =>
  pass.steps.flatMap(({ name: step }) =>
    phases.flatMap(phase =>
      victims
        .filter(victim => phase !== 'during' || hitDuring.has(victim))
        .map(victim => ({ step, phase, victim })),
    ),
  )
