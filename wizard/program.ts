import { readdirSync } from 'node:fs'
import process from 'node:process'
import { drawnTiers, type Tier } from '../console/tier.js'
import { cleanEnvironment, terminalCaps } from '../console/terminal-caps.js'
import type { TerminalScreen } from '../console/ui/screen.js'
import { carryOut, type EffectDeps } from './effects.js'
import { openPlainWizard, type PlainWizard } from './plain-wizard.js'
import { wizardView } from './view.js'
import { startWizard, updateWizard, type WizardAction, type WizardEvent, type WizardState } from './wizard.js'

const lookMs = 1000

/** Interfaces that can be cabled; what the kernel makes for itself has no device. */
const interfaces = (): readonly string[] =>
  readdirSync('/sys/class/net')
    .filter(name => name !== 'lo')
    .sort()

/** Asks until the appliance is set up or the wizard is left; resumes where it was left. Gives the exit status. */
export async function runWizard(deps: EffectDeps, wantedTier: Tier | null): Promise<number> {
  const caps = terminalCaps(wantedTier)
  const tier: Tier = caps === null ? 'plain' : (wantedTier ?? caps.tier)
  cleanEnvironment(process.env)
  const progress = await deps.store.load()
  const helperState = deps.helper === null ? null : await deps.helper.state()
  return new Promise((resolve, reject) => {
    let screen: TerminalScreen | null = null
    let plain: PlainWizard | null = null
    let opening = false
    let ended = false

    const close = (): void => {
      screen?.close()
      plain?.close()
      screen = null
      plain = null
    }
    const leave = (status: number): void => {
      ended = true
      clearInterval(looking)
      close()
      resolve(status)
    }
    const fail = (error: unknown): void => {
      leave(1)
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => leave(0))
    process.on('exit', close)

    const started = startWizard({
      ...progress,
      size: { cols: process.stdout.columns, rows: process.stdout.rows },
      tier,
      tiersOffered: caps === null ? ['plain'] : [...drawnTiers, 'plain'],
      facts: { interfaces: interfaces(), certificates: {} },
    })
    let state: WizardState = started.state

    const dispatch = (event: WizardEvent): void => {
      if (ended) return
      const move = updateWizard(state, event)
      state = move.state
      move.actions.forEach(perform)
      draw()
    }
    const perform = (action: WizardAction): void => {
      if (action.kind === 'quit') leave(0)
      else carryOut(deps, action).then(dispatch).catch(fail)
    }
    const open = async (): Promise<void> => {
      close()
      if (state.tier === 'plain' || caps === null) {
        plain = openPlainWizard(process.stdin, process.stdout, { event: dispatch, gone: () => leave(0) })
        return
      }
      const { openScreen } = await import('../console/ui/screen.js')
      screen = openScreen(caps, process.stdin, process.stdout, {
        input: dispatch,
        resized: size => dispatch({ kind: 'resized', ...size }),
        gone: () => leave(0),
      })
      state = { ...state, size: screen.size }
    }
    const draw = (): void => {
      if (ended || opening) return
      if ((state.tier === 'plain' ? plain : screen) === null) {
        opening = true
        open()
          .then(() => {
            opening = false
            draw()
          })
          .catch(fail)
        return
      }
      plain?.show(state)
      if (state.tier !== 'plain') screen?.show(wizardView(state), state.size, state.tier)
    }
    // Only the helper knows how much time is left, and whether somebody else kept or undid the change.
    const looking = setInterval(() => {
      if (deps.helper === null || state.phase.kind !== 'keep') return
      deps.helper
        .state()
        .then(host => {
          if (state.phase.kind === 'keep') dispatch({ kind: 'host', host })
        })
        .catch((error: unknown) =>
          dispatch({ kind: 'failed', text: error instanceof Error ? error.message : '' }),
        )
    }, lookMs)

    started.actions.forEach(perform)
    if (helperState !== null && helperState.pending !== null) dispatch({ kind: 'host', host: helperState })
    draw()
  })
}
