import { defaultConfirmSeconds } from '../agent/api/host-settings.js'
import { AppError, errorTable } from '../agent/errors.js'
import type { HelperLink } from './helper-link.js'
import { readCertificate } from './preflight/certificate.js'
import { runChecks } from './preflight/check.js'
import { checksFor } from './preflight/checks.js'
import { hostSettingsOf, withoutUnused } from './steps/network.js'
import type { WizardStore } from './store.js'
import type { WizardAction, WizardEvent } from './wizard.js'

export interface EffectDeps {
  readonly store: WizardStore
  /** Null: the settings are written, somebody else applies them. */
  readonly helper: HelperLink | null
}

/** Carries out what the wizard asks for. A refusal is an event with what to do next; anything else is a bug and rejects. */
export async function carryOut(
  deps: EffectDeps,
  action: Exclude<WizardAction, { kind: 'quit' }>,
): Promise<WizardEvent> {
  try {
    switch (action.kind) {
      case 'save':
        return { kind: 'saved', kept: await deps.store.save(action.stepId, action.answers) }
      case 'read-certificate':
        return { kind: 'certificate', url: action.url, fact: await readCertificate(action.url) }
      case 'check':
        return { kind: 'checked', checks: await runChecks(checksFor(action.answers)) }
      case 'finish':
        return await finish(deps, action.answers)
      case 'keep': {
        const host = (await deps.helper?.keep(action.id)) ?? null
        await deps.store.forget()
        return { kind: 'finished', host: host?.pending === null ? null : host }
      }
      case 'undo':
        return {
          kind: 'host',
          host: (await deps.helper?.undo(action.id)) ?? { settings: null, pending: null },
        }
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { sentence, next } = errorTable[error.code]
    return { kind: 'failed', text: `${error.code}: ${sentence} ${error.message}. ${next}` }
  }
}

async function finish(
  { store, helper }: EffectDeps,
  answers: Extract<WizardAction, { kind: 'finish' }>['answers'],
): Promise<WizardEvent> {
  await store.finish(answers)
  if (helper === null) {
    await store.forget()
    return { kind: 'finished', host: null }
  }
  const settings = hostSettingsOf(withoutUnused(answers))
  return {
    kind: 'finished',
    host: await helper.apply({ settings, confirmWithinSeconds: defaultConfirmSeconds }),
  }
}
