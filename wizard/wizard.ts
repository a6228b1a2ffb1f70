import type { HostState } from '../agent/api/host-settings.js'
import { editLine, insertText, lineOf, type LineEdit } from '../console/line-edit.js'
import { codePoints } from '../console/clean-text.js'
import {
  formKey,
  formPaste,
  formState,
  setValue,
  submitForm,
  type FormSpec,
  type FormState,
  type Values,
} from '../console/form.js'
import { nextTier, type Tier } from '../console/tier.js'
import type { CheckResult } from './preflight/check.js'
import { formOf, type CertificateFact, type Facts, type Kept, type WizardStep } from './step.js'
import { stepsFor } from './steps/list.js'
import { certificateAddress } from './steps/peers.js'

/** The word that keeps a network change at the local console. */
export const keepWord = 'KEEP'

export type Phase =
  | { readonly kind: 'asking' }
  /** Something on disk or in the helper is being changed: keys wait for its end. */
  | { readonly kind: 'working' }
  | { readonly kind: 'keep'; readonly id: string; readonly secondsLeft: number; readonly line: LineEdit }
  | { readonly kind: 'done' }

export interface WizardState {
  readonly size: { readonly cols: number; readonly rows: number }
  readonly tier: Tier
  readonly tiersOffered: readonly Tier[]
  readonly answers: Values
  readonly kept: Kept
  readonly facts: Facts
  /** Of the steps, then the summary. */
  readonly place: number
  readonly form: FormState
  /** Null: they run. */
  readonly checks: readonly CheckResult[] | null
  readonly phase: Phase
  /** What went wrong or happened last; empty: nothing. */
  readonly message: string
}

export type WizardEvent =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'resized'; readonly cols: number; readonly rows: number }
  /** The plain tier gives a field its text. */
  | { readonly kind: 'set'; readonly id: string; readonly text: string }
  | { readonly kind: 'submit' }
  | { readonly kind: 'back' }
  | { readonly kind: 'saved'; readonly kept: Kept }
  | { readonly kind: 'certificate'; readonly url: string; readonly fact: CertificateFact }
  | { readonly kind: 'checked'; readonly checks: readonly CheckResult[] }
  /** The result is written; `host` is null where no helper applies it. */
  | { readonly kind: 'finished'; readonly host: HostState | null }
  | { readonly kind: 'host'; readonly host: HostState }
  | { readonly kind: 'failed'; readonly text: string }

export type WizardAction =
  | { readonly kind: 'save'; readonly stepId: string; readonly answers: Values }
  | { readonly kind: 'read-certificate'; readonly url: string }
  | { readonly kind: 'check'; readonly answers: Values }
  | { readonly kind: 'finish'; readonly answers: Values }
  | { readonly kind: 'keep'; readonly id: string }
  | { readonly kind: 'undo'; readonly id: string }
  | { readonly kind: 'quit' }

export interface WizardMove {
  readonly state: WizardState
  readonly actions: readonly WizardAction[]
}

const quiet = (state: WizardState): WizardMove => ({ state, actions: [] })

export const stepAt = (state: WizardState): WizardStep | null => stepsFor(state.answers)[state.place] ?? null

const summary: FormSpec = { notes: [], fields: [], problems: () => ({}), submit: 'Finish' }

export function specAt(state: WizardState): FormSpec {
  const step = stepAt(state)
  return step === null ? summary : formOf(step, state.answers, state.facts, state.kept)
}

export interface WizardStart extends Pick<
  WizardState,
  'size' | 'tier' | 'tiersOffered' | 'answers' | 'kept' | 'facts'
> {
  /** The step stored last; null: a first start. */
  readonly stepId: string | null
}

/** Goes on behind the step that was stored last. */
export function startWizard({ stepId, ...start }: WizardStart): WizardMove {
  const stored = stepsFor(start.answers).findIndex(step => step.id === stepId)
  const empty = formState(summary, {})
  const state: WizardState = {
    ...start,
    place: 0,
    form: empty,
    checks: null,
    phase: { kind: 'asking' },
    message: '',
  }
  return enter(state, stored + 1)
}

/** Opens a step, and asks for what it needs to know. */
function enter(state: WizardState, place: number): WizardMove {
  const moved = { ...state, place, message: '' }
  const step = stepAt(moved)
  const opened: WizardState = { ...moved, form: formState(specAt(moved), moved.answers) }
  if (step === null) {
    const checking: WizardState = { ...opened, checks: null }
    return { state: checking, actions: [{ kind: 'check', answers: opened.answers }] }
  }
  const url = certificateAddress(opened.answers)
  if (step.id === 'certificate' && url !== null && opened.facts.certificates[url] === undefined)
    return { state: opened, actions: [{ kind: 'read-certificate', url }] }
  return quiet(opened)
}

export function updateWizard(state: WizardState, event: WizardEvent): WizardMove {
  switch (event.kind) {
    case 'resized':
      return quiet({ ...state, size: { cols: event.cols, rows: event.rows } })
    case 'key':
      return onKey(state, event.key)
    case 'paste':
      return quiet(
        state.phase.kind === 'asking'
          ? { ...state, form: formPaste(specAt(state), state.form, event.text) }
          : state,
      )
    case 'set':
      return quiet({ ...state, form: setValue(state.form, event.id, event.text) })
    case 'submit':
      return state.phase.kind === 'asking'
        ? afterForm(state, submitForm(specAt(state), state.form))
        : quiet(state)
    case 'back':
      return state.phase.kind === 'asking' ? goBack(state) : quiet(state)
    case 'saved': {
      const asking: WizardState = { ...state, kept: event.kept, phase: { kind: 'asking' } }
      return enter(withoutSecrets(asking), state.place + 1)
    }
    case 'certificate':
      return quiet(withCertificate(state, event.url, event.fact))
    case 'checked':
      return quiet({ ...state, checks: event.checks })
    case 'finished':
      return quiet(event.host === null ? { ...state, phase: { kind: 'done' } } : withHost(state, event.host))
    case 'host':
      return quiet(withHost(state, event.host))
    case 'failed':
      return quiet({
        ...state,
        message: event.text,
        phase: state.phase.kind === 'working' ? { kind: 'asking' } : state.phase,
      })
  }
}

/** Stored secrets leave the memory of the wizard: their fields may stay empty from now on. */
function withoutSecrets(state: WizardState): WizardState {
  const open = Object.entries(state.answers).filter(([key]) => !state.kept.has(key) && key !== 'admin.again')
  return { ...state, answers: Object.fromEntries(open) }
}

function withCertificate(state: WizardState, url: string, fact: CertificateFact): WizardState {
  const known = {
    ...state,
    facts: { ...state.facts, certificates: { ...state.facts.certificates, [url]: fact } },
  }
  const asked = stepAt(known)?.id === 'certificate' && known.phase.kind === 'asking'
  return asked ? { ...known, form: formState(specAt(known), known.answers) } : known
}

function withHost(state: WizardState, { pending }: HostState): WizardState {
  if (state.phase.kind === 'done') return state
  if (pending === null) {
    const kept = state.phase.kind === 'working'
    const message = kept ? '' : 'The network settings are what they were before: nobody kept the new ones.'
    return { ...state, phase: { kind: kept ? 'done' : 'asking' }, message }
  }
  const line = state.phase.kind === 'keep' ? state.phase.line : lineOf('')
  return { ...state, phase: { kind: 'keep', id: pending.id, secondsLeft: pending.secondsLeft, line } }
}

function onKey(state: WizardState, key: string): WizardMove {
  if (key === 'ctrl-t') return quiet({ ...state, tier: nextTier(state.tier, state.tiersOffered) })
  switch (state.phase.kind) {
    case 'working':
      return quiet(state)
    case 'done':
      return key === 'enter' || key === 'escape' ? { state, actions: [{ kind: 'quit' }] } : quiet(state)
    case 'keep':
      return onKeepKey(state, state.phase, key)
    case 'asking':
      return afterForm(state, formKey(specAt(state), state.form, key))
  }
}

function onKeepKey(state: WizardState, phase: Extract<Phase, { kind: 'keep' }>, key: string): WizardMove {
  const working: WizardState = { ...state, phase: { kind: 'working' } }
  if (key === 'escape') return { state, actions: [{ kind: 'undo', id: phase.id }] }
  if (key === 'enter') {
    if (phase.line.text !== keepWord) return quiet({ ...state, message: `Type ${keepWord}, then Enter.` })
    return { state: working, actions: [{ kind: 'keep', id: phase.id }] }
  }
  const line = codePoints(key).length === 1 ? insertText(phase.line, key) : editLine(phase.line, key)
  return quiet(line === null ? state : { ...state, phase: { ...phase, line } })
}

function afterForm(state: WizardState, { form, outcome }: ReturnType<typeof submitForm>): WizardMove {
  const next = { ...state, form }
  if (outcome === 'back') return goBack(next)
  if (outcome === 'stay') return quiet(next)
  const step = stepAt(next)
  if (step === null) {
    return {
      state: { ...next, phase: { kind: 'working' } },
      actions: [{ kind: 'finish', answers: next.answers }],
    }
  }
  const answers = { ...next.answers, ...form.values }
  const save: WizardAction = { kind: 'save', stepId: step.id, answers }
  return { state: { ...next, answers, phase: { kind: 'working' } }, actions: [save] }
}

/** What was typed stays, right or not: it is checked when the step is left forward. */
function goBack(state: WizardState): WizardMove {
  const answers = { ...state.answers, ...state.form.values }
  return enter({ ...state, answers }, Math.max(0, state.place - 1))
}
