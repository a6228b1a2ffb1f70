import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import type { Field } from './form.js'

/** Why a text is none of the schema's, with what is allowed; null: it is one. */
export function schemaProblem(schema: TSchema, value: unknown): string | null {
  if (Value.Check(schema, value)) return null
  const [first] = Value.Errors(schema, value)
  const allowed =
    'description' in schema && typeof schema.description === 'string' ? schema.description : null
  const found = first === undefined ? 'it does not fit' : first.message
  return `This cannot be: it ${found}${allowed === null ? '' : ` (${allowed})`}.`
}

interface TextField {
  readonly id: string
  readonly label: string
  readonly schema: TSchema
  readonly secret?: boolean
  /** May stay empty. */
  readonly optional?: boolean
  /** From what is typed to what the schema is about; null: nothing of the kind. */
  readonly parse?: (text: string) => unknown
}

/** A field that takes what the schema of the API takes. */
export function textField({ id, label, schema, secret = false, optional = false, parse }: TextField): Field {
  return {
    kind: 'text',
    id,
    label,
    secret,
    check: text => {
      if (text === '') return optional ? null : 'This must not be empty.'
      return schemaProblem(schema, parse === undefined ? text : parse(text))
    },
  }
}

export const choiceField = (
  id: string,
  label: string,
  options: readonly { readonly value: string; readonly label: string }[],
): Field => ({ kind: 'choice', id, label, options })

/** A choice of the literals of a union. */
export const literalField = (
  id: string,
  label: string,
  schema: { readonly anyOf: readonly { readonly const: string }[] },
): Field =>
  choiceField(
    id,
    label,
    schema.anyOf.map(each => ({ value: each.const, label: each.const })),
  )
