import { data, ref, type DataObject, type VimValue } from './vim-value.js'

/** A fault of vim25: what a method answers instead of its result, or what a task ends with. */
export class VimFault extends Error {
  override readonly name = 'VimFault'
  readonly detail: DataObject

  constructor(type: string, message: string, fields: Readonly<Record<string, VimValue | undefined>> = {}) {
    super(message)
    this.detail = data(type, fields)
  }
}

export const invalidRequest = (message: string): VimFault => new VimFault('InvalidRequest', message)

export const invalidArgument = (property: string): VimFault =>
  new VimFault('InvalidArgument', `A specified parameter was not correct: ${property}`, {
    invalidProperty: property,
  })

export const objectNotFound = (type: string, id: string): VimFault =>
  new VimFault(
    'ManagedObjectNotFound',
    `The object 'vim.${type}:${id}' has already been deleted or has not been completely created`,
    { obj: ref(type, id) },
  )

export const notAuthenticated = (type: string, id: string): VimFault =>
  new VimFault('NotAuthenticated', 'The session is not authenticated.', {
    object: ref(type, id),
    privilegeId: 'System.View',
  })

export const fileFault = (file: string): VimFault =>
  new VimFault('FileFault', `Error caused by file ${file}`, { file })

export const invalidPowerState = (existing: string, requested?: string): VimFault =>
  new VimFault(
    'InvalidPowerState',
    `The attempted operation cannot be performed in the current state (${existing === 'poweredOn' ? 'Powered on' : 'Powered off'}).`,
    { requestedState: requested, existingState: existing },
  )

/** How a fault appears inside another data object. */
export const localized = (fault: VimFault): DataObject =>
  data('LocalizedMethodFault', { fault: fault.detail, localizedMessage: fault.message })
