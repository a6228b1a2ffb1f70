import { faults } from './faults.js'
import { replicate } from './replicate.js'
import { type Scenario } from './scenario.js'

export const scenarios: readonly Scenario[] = [replicate, faults]
