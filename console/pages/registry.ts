import type { Feature } from '../page.js'
import { diagFeature } from './diag.js'
import { discoveryFeature } from './discovery.js'
import { hardwareFeature } from './hardware.js'
import { jobSettingsFeature } from './job-settings.js'
import { pointFeature } from './points.js'
import { preflightFeature } from './preflight.js'
import { setupFeature } from './setup.js'
import { storageFeature } from './storage.js'
import { verificationFeature } from './verifications.js'
import { volumesFeature } from './volumes.js'

/** All screens that are data. A new one is a file beside this and a line here. */
export const features: readonly Feature[] = [
  discoveryFeature,
  preflightFeature,
  hardwareFeature,
  verificationFeature,
  pointFeature,
  jobSettingsFeature,
  storageFeature,
  volumesFeature,
  setupFeature,
  diagFeature,
]
