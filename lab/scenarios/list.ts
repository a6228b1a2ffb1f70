import { faults } from './faults.js'
import { inventory1000 } from './inventory-1000.js'
import { replicate } from './replicate.js'
import { type Scenario } from './scenario.js'

export const scenarios: readonly Scenario[] = [replicate, faults, inventory1000]
