// Makes this clone ready for one purpose: `node build/setup.mjs build|test|check|bench|lab|leak`. Needs nothing but Node; every step
// looks first whether it is done, so a second run takes well under a second. Progress goes to standard error.
import { debianPackages } from './setup/debian.mjs'
import { guestSystem } from './setup/guest-system.mjs'
import { holdLock } from './setup/lock.mjs'
import { nativeAddon } from './setup/native.mjs'
import { nodeModules } from './setup/node-modules.mjs'
import { StepFailed } from './setup/run.mjs'
import { compiledSources } from './setup/typescript.mjs'
import { vddkLibrary } from './setup/vddk-library.mjs'
import { vddkPlugin } from './setup/vddk-plugin.mjs'

/** Purposes that read disks of the simulated vCenter. */
const readingPurposes = new Set(['test', 'bench', 'lab'])

/** Purposes that boot guests of the simulated CloudStack. */
const bootingPurposes = new Set(['test', 'lab'])

const purposes = new Set(['build', 'test', 'check', 'bench', 'lab', 'leak'])
const purpose = process.argv[2]
if (!purposes.has(purpose)) {
  process.stderr.write(`usage: node build/setup.mjs ${[...purposes].join('|')}\n`)
  process.exit(2)
}

const steps = [
  debianPackages(purpose),
  nodeModules,
  nativeAddon,
  compiledSources,
  ...(readingPurposes.has(purpose) ? [vddkLibrary, vddkPlugin] : []),
  ...(bootingPurposes.has(purpose) ? [guestSystem] : []),
]
const release = await holdLock()
try {
  for (const [index, step] of steps.entries()) {
    if (step.isDone()) continue
    const started = performance.now()
    process.stderr.write(`[${index + 1}/${steps.length}] ${step.title} ... `)
    await step.run()
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  }
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.stderr.write(`failed\n\n${error.message}\n`)
  process.exitCode = 1
} finally {
  release()
}
