import { exportsFencing } from './exports-fencing.js'
import { faults } from './faults.js'
import { inventory1000 } from './inventory-1000.js'
import { moverChaos } from './mover-chaos.js'
import { replicate } from './replicate.js'
import { type Scenario } from './scenario.js'
import { source5000 } from './source-5000.js'
import { sourceFinal } from './source-final.js'
import { sourceMultidisk } from './source-multidisk.js'
import { sourceSession } from './source-session.js'
import { volumesCapacity } from './volumes-capacity.js'
import { volumesChaos } from './volumes-chaos.js'
import { volumesLifecycle } from './volumes-lifecycle.js'

export const scenarios: readonly Scenario[] = [
  replicate,
  faults,
  inventory1000,
  moverChaos,
  sourceMultidisk,
  sourceSession,
  sourceFinal,
  source5000,
  volumesLifecycle,
  volumesCapacity,
  volumesChaos,
  exportsFencing,
]
