import { exportsFencing } from './exports-fencing.js'
import { faults } from './faults.js'
import { inventory1000 } from './inventory-1000.js'
import { moverChaos } from './mover-chaos.js'
import { replicate } from './replicate.js'
import { type Scenario } from './scenario.js'
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
]
