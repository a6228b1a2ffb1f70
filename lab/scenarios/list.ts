import { faults } from './faults.js'
import { inventory1000 } from './inventory-1000.js'
import { replicate } from './replicate.js'
import { type Scenario } from './scenario.js'
import { source5000 } from './source-5000.js'
import { sourceCbtFaults } from './source-cbt-faults.js'
import { sourceFinal } from './source-final.js'
import { sourceMultidisk } from './source-multidisk.js'
import { sourceResume } from './source-resume.js'
import { sourceVerify } from './source-verify.js'
import { sourceSession } from './source-session.js'

export const scenarios: readonly Scenario[] = [
  replicate,
  faults,
  inventory1000,
  sourceMultidisk,
  sourceSession,
  sourceVerify,
  sourceFinal,
  sourceCbtFaults,
  sourceResume,
  source5000,
]
