import { patiently } from '../volume-controller/patience.js'
import { type TargetCloud } from './deps.js'

export interface Patience {
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly timing: { readonly lookMs: number; readonly patienceMs: number }
}

/** A CloudStack that is away for a moment breaks no failover: each call looks first, so it is tried until it is answered. */
export function patientCloud(cloud: TargetCloud, patience: Patience): TargetCloud {
  const patient =
    <A extends readonly unknown[], T>(call: (...args: [...A, AbortSignal]) => Promise<T>) =>
    (...args: [...A, AbortSignal]): Promise<T> => {
      const signal = args[args.length - 1] as AbortSignal
      return patiently(patience, signal, () => call(...args))
    }
  return {
    applianceVmId: cloud.applianceVmId,
    facts: patient(cloud.facts),
    volume: patient(cloud.volume),
    volumesOf: patient(cloud.volumesOf),
    snapshot: patient(cloud.snapshot),
    snapshotsNamed: patient(cloud.snapshotsNamed),
    removeSnapshot: patient(cloud.removeSnapshot),
    clone: patient(cloud.clone),
    volumesNamed: patient(cloud.volumesNamed),
    removeVolume: patient(cloud.removeVolume),
    deploy: patient(cloud.deploy),
    machinesMarked: patient(cloud.machinesMarked),
    machine: patient(cloud.machine),
    discardRoot: patient(cloud.discardRoot),
    attach: patient(cloud.attach),
    detach: patient(cloud.detach),
    start: patient(cloud.start),
    stop: patient(cloud.stop),
    destroy: patient(cloud.destroy),
    rename: patient(cloud.rename),
  }
}
