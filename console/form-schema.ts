import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import type { Field } from './form.js'

/** Why a text is none of the schema's, with what is allowed in the words of `allowed`; null: it is one. */
export function schemaProblem(schema: TSchema, value: unknown, allowed: string | null = null): string | null {
  if (Value.Check(schema, value)) return null
  if (allowed !== null) return `This has to be ${allowed}.`
  const [first] = Value.Errors(schema, value)
  return `This cannot be: it ${first?.message ?? 'does not fit'}.`
}

interface TextField {
  readonly id: string
  readonly label: string
  readonly schema: TSchema
  readonly secret?: boolean
  /** What the schema takes, for an operator: `a whole number of GiB`. */
  readonly allowed?: string
  /** May stay empty. */
  readonly optional?: boolean
  /** From what is typed to what the schema is about; null: nothing of the kind. */
  readonly parse?: (text: string) => unknown
}

/** A field that takes what the schema of the API takes. */
export function textField({
  id,
  label,
  schema,
  secret = false,
  optional = false,
  allowed,
  parse,
}: TextField): Field {
  return {
    kind: 'text',
    id,
    label,
    secret,
    check: text => {
      if (text === '') return optional ? null : 'This must not be empty.'
      return schemaProblem(schema, parse === undefined ? text : parse(text), allowed)
    },
  }
}

export const choiceField = (
  id: string,
  label: string,
  options: readonly { readonly value: string; readonly label: string }[],
): Field => ({ kind: 'choice', id, label, options })
