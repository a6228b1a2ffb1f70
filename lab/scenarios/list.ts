import { claims } from './claims.js'
import { exportsFencing } from './exports-fencing.js'
import { failoverLive } from './failover-live.js'
import { failoverTest } from './failover-test.js'
import { failoverUnplanned } from './failover-unplanned.js'
import { faults } from './faults.js'
import { inventory1000 } from './inventory-1000.js'
import { moverChaos } from './mover-chaos.js'
import { passCrash } from './pass-crash.js'
import { passEnospc } from './pass-enospc.js'
import { points } from './points.js'
import { replicate } from './replicate.js'
import { rollbackLive } from './rollback-live.js'
import { type Scenario } from './scenario.js'
import { scheduleRounds } from './schedule-rounds.js'
import { scheduleYear } from './schedule-year.js'
import { source5000 } from './source-5000.js'
import { sourceCbtFaults } from './source-cbt-faults.js'
import { sourceCold } from './source-cold.js'
import { sourceEsxi } from './source-esxi.js'
import { sourceFinal } from './source-final.js'
import { sourceLimits } from './source-limits.js'
import { sourceMultidisk } from './source-multidisk.js'
import { sourcePause } from './source-pause.js'
import { sourceResume } from './source-resume.js'
import { sourceVerify } from './source-verify.js'
import { sourceSession } from './source-session.js'
import { sourceVersions } from './source-versions.js'
import { volumesCapacity } from './volumes-capacity.js'
import { volumesChaos } from './volumes-chaos.js'
import { volumesHotplug } from './volumes-hotplug.js'
import { volumesLifecycle } from './volumes-lifecycle.js'

export const scenarios: readonly Scenario[] = [
  replicate,
  points,
  faults,
  inventory1000,
  moverChaos,
  sourceMultidisk,
  sourceSession,
  sourceVerify,
  sourceFinal,
  sourceCbtFaults,
  sourceResume,
  source5000,
  sourceVersions,
  sourcePause,
  sourceLimits,
  sourceCold,
  sourceEsxi,
  volumesLifecycle,
  volumesHotplug,
  volumesCapacity,
  volumesChaos,
  exportsFencing,
  failoverTest,
  failoverLive,
  failoverUnplanned,
  rollbackLive,
  claims,
  passCrash,
  passEnospc,
  scheduleRounds,
  scheduleYear,
]
