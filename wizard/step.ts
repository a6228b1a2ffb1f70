import type { Field, FormSpec, Values } from '../console/form.js'

/** What the machine and its surroundings showed; unknown facts are absent. */
export interface Facts {
  readonly interfaces: readonly string[]
  /** By address: what a server's certificate is, or why it could not be read. */
  readonly certificates: Readonly<Record<string, CertificateFact>>
}

export type CertificateFact =
  | {
      readonly kind: 'read'
      readonly thumbprintSha256: string
      readonly subject: string
      readonly validTo: string
    }
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Secrets already stored by an earlier run: their fields may stay empty. */
export type Kept = ReadonlySet<string>

/** One step of the wizard as data. Answers are texts under `step.field`, whoever gave them. */
export interface WizardStep {
  readonly id: string
  readonly title: string
  readonly applies: (answers: Values) => boolean
  readonly notes: (answers: Values, facts: Facts) => readonly string[]
  readonly fields: (answers: Values, facts: Facts, kept: Kept) => readonly Field[]
  readonly problems: (answers: Values) => Values
}

export const always = (): boolean => true
export const noProblems = (): Values => ({})

export const text = (id: string, label: string, check: (text: string) => string | null): Field => ({
  kind: 'text',
  id,
  label,
  secret: false,
  check,
})

/** Empty is allowed once the secret is stored: it then stays what it is. */
export const secret = (
  id: string,
  label: string,
  kept: Kept,
  check: (text: string) => string | null,
): Field => ({
  kind: 'text',
  id,
  label: kept.has(id) ? `${label} (stored)` : label,
  secret: true,
  check: value => (value === '' && kept.has(id) ? null : check(value)),
})

export const choice = (
  id: string,
  label: string,
  ...options: readonly (readonly [value: string, label: string])[]
): Field => ({
  kind: 'choice',
  id,
  label,
  options: options.map(([value, words]) => ({ value, label: words })),
})

export const formOf = (step: WizardStep, answers: Values, facts: Facts, kept: Kept): FormSpec => ({
  notes: step.notes(answers, facts),
  fields: step.fields(answers, facts, kept),
  problems: values => step.problems({ ...answers, ...values }),
  submit: 'Next',
})

export const optional =
  (check: (text: string) => string | null) =>
  (value: string): string | null =>
    value.trim() === '' ? null : check(value.trim())

/** `192.0.2.53, 192.0.2.54` → its parts. */
export const listOf = (value: string | undefined): string[] =>
  (value ?? '').split(/[\s,]+/).filter(part => part !== '')
