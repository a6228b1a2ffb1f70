import { randomUUID } from 'node:crypto'
import { RequestVolumeOperation } from '../../agent/api/volumes.js'
import { textField } from '../form-schema.js'
import type { Field, Values } from '../form.js'
import type { FormPage, Next, Task } from '../page.js'
import { paragraph, span } from '../view.js'
import { fact } from './facts.js'

const [createSchema, attachSchema, rootSchema] = RequestVolumeOperation.anyOf

const uuid = 'an id as CloudStack shows it: 8-4-4-4-12 digits and letters a to f'

interface KindWords {
  readonly title: string
  readonly note: string
  readonly fields: readonly Field[]
  /** To be typed first; null: nothing is taken away from anybody. */
  readonly typedWord: string | null
}

const volumeField = textField({
  id: 'volumeId',
  label: 'Volume id',
  schema: attachSchema.properties.volumeId,
  allowed: uuid,
})
const vmField = textField({ id: 'vmId', label: 'VM id', schema: rootSchema.properties.vmId, allowed: uuid })
const targetField = textField({
  id: 'vmId',
  label: 'VM id (empty: here)',
  schema: rootSchema.properties.vmId,
  allowed: uuid,
  optional: true,
})

const gibibytes = (text: string): string => (/^\d{1,6}$/.test(text) ? String(BigInt(text) << 30n) : text)

/** What an operator asks for; a snapshot that nothing needs is deleted from the list of findings. */
export type AskedKind = RequestVolumeOperation['kind']

/** Each kind of operation in the words of an operator; one without an entry does not compile. */
export const kindWords: Readonly<Record<AskedKind, KindWords>> = {
  create: {
    title: 'Create a volume',
    note: 'A new volume, attached to nothing. It is never taken for zeroed.',
    fields: [
      textField({
        id: 'sizeGib',
        label: 'Size, GiB',
        schema: createSchema.properties.sizeBytes,
        allowed: 'a whole number of GiB, at least 1',
        parse: gibibytes,
      }),
      textField({
        id: 'label',
        label: 'Label',
        schema: createSchema.properties.label,
        allowed: 'at most 40 letters, digits and hyphens',
        optional: true,
      }),
    ],
    typedWord: null,
  },
  attach: {
    title: 'Attach a volume',
    note: 'To this appliance, where its device is proved by its serial, or to a VM of CloudStack.',
    fields: [volumeField, targetField],
    typedWord: null,
  },
  'attach-root': {
    title: 'Attach as root disk',
    note: 'The volume becomes the disk the VM starts from.',
    fields: [volumeField, vmField],
    typedWord: null,
  },
  detach: {
    title: 'Detach a volume',
    note: 'Its export ends, its writer is gone and its device is flushed before it leaves.',
    fields: [volumeField, targetField],
    typedWord: 'DETACH',
  },
  delete: {
    title: 'Delete a volume',
    note: 'The data on it is gone for good. A replica is refused: delete its job first.',
    fields: [volumeField],
    typedWord: 'DELETE',
  },
  revoke: {
    title: 'End an export',
    note: 'Whoever writes through it is turned away at once, and by no old token let in again.',
    fields: [volumeField],
    typedWord: 'REVOKE',
  },
  'clean-up': {
    title: 'Take a volume back from a VM',
    note: 'Stops the VM, takes the volume from it and attaches it here.',
    fields: [volumeField, vmField],
    typedWord: 'CLEANUP',
  },
}

/** The form of one kind, filled with what is known of the selected line. */
export function operationForm(kind: AskedKind, values: Values): FormPage {
  const { title, note, fields } = kindWords[kind]
  // One key for each wording of the request: sending it again finds the operation that was recorded before.
  const keys = new Map<string, string>()
  return {
    title,
    values,
    back: null,
    spec: { notes: [note], fields, problems: () => ({}), submit: 'Go on' },
    submit: given => asked(kind, given, keys),
  }
}

function asked(kind: AskedKind, values: Values, keys: Map<string, string>): Next {
  const { title, note, typedWord } = kindWords[kind]
  const task: Task = {
    what: title,
    run: async client => {
      const text = JSON.stringify(values)
      const key = keys.get(text) ?? randomUUID()
      keys.set(text, key)
      const { number } = await client.volumes.operate(requestOf(kind, values, key))
      return { kind: 'done', text: `${title}: operation ${number} was recorded and goes on by itself.` }
    },
  }
  if (typedWord === null) return { kind: 'task', task }
  const facts = [fact('Volume', values['volumeId'] ?? '')]
  const vm = values['vmId'] ?? ''
  if (vm !== '') facts.push(fact('VM', vm))
  return {
    kind: 'question',
    question: {
      title: `${title}?`,
      body: [...facts, { kind: 'gap' }, paragraph([span(note)])],
      keep: 'Cancel',
      button: title,
      typedWord,
      task,
    },
  }
}

/** What is sent, in the shape the API has; exported for its test. */
export function requestOf(kind: AskedKind, values: Values, idempotencyKey: string): RequestVolumeOperation {
  const { volumeId = '', vmId = '', sizeGib = '', label = '' } = values
  switch (kind) {
    case 'create':
      return { idempotencyKey, kind, sizeBytes: gibibytes(sizeGib), ...(label === '' ? {} : { label }) }
    case 'attach':
    case 'detach':
      return { idempotencyKey, kind, volumeId, vmId: vmId === '' ? null : vmId }
    case 'attach-root':
    case 'clean-up':
      return { idempotencyKey, kind, volumeId, vmId }
    case 'delete':
    case 'revoke':
      return { idempotencyKey, kind, volumeId }
  }
}

/** Asks which volume to look at. */
export const lookForm = (volumeId: string): FormPage => ({
  title: 'Look at a volume',
  values: { volumeId },
  back: null,
  spec: {
    notes: ['As CloudStack, the volume daemon and the database show it.'],
    fields: [volumeField],
    problems: () => ({}),
    submit: 'Look',
  },
  submit: ({ volumeId: typed = '' }) => ({
    kind: 'open',
    page: 'volume',
    params: { id: typed, name: typed },
  }),
})
