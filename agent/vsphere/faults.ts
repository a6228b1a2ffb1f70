import { AppError, type ErrorCode } from '../errors.js'
import { child, descend, required, text, textOf, typeOf, type Node } from './vim-xml.js'

/** A fault of vim25 as vCenter named it: the answer to a call, the end of a task, or why a property is missing. */
export class VimFault extends AppError {
  /** The name of its type, such as `ManagedObjectNotFound`. */
  readonly fault: string
  /** The fault's own fields. */
  readonly detail: Node

  constructor(code: ErrorCode, message: string, fault: string, detail: Node) {
    super(code, message)
    this.fault = fault
    this.detail = detail
  }
}

/** The call may have taken effect, or may still: vCenter has to be looked at before it is made again. */
export class OutcomeUnknown extends AppError {
  constructor(what: string, cause?: unknown) {
    super('VSPHERE_UNREACHABLE', `${what}: the connection was lost before the answer`, cause)
  }
}

export const isFault = (error: unknown, ...names: readonly string[]): error is VimFault =>
  error instanceof VimFault && names.includes(error.fault)

/** The method is not there at all: an old or small server. */
export const isUnsupported = (error: unknown): boolean =>
  isFault(error, 'MethodNotFound', 'NotSupported', 'NotImplemented', 'InvalidRequest')

const maxTextLength = 400

/** What a fault's sentence may carry into our messages: one line, bounded. */
const bounded = (sentence: string): string => {
  const line = sentence.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > maxTextLength ? `${line.slice(0, maxTextLength)}…` : line
}

/** `what` names the call; `sentence` is vCenter's own, in its language. */
export function vimFault(what: string, fault: string, sentence: string, detail: Node): VimFault {
  const said = bounded(sentence)
  const tail = said === '' ? fault : `${fault}: ${said}`
  switch (fault) {
    case 'NoPermission':
      return new VimFault(
        'VSPHERE_PERMISSION_MISSING',
        `${what}: privilege ${textOf(detail, 'privilegeId') ?? 'not named'} is missing`,
        fault,
        detail,
      )
    case 'InvalidLogin':
    case 'PasswordExpired':
      // vCenter's sentence is left out: nothing that was sent at login may come back in a message.
      return new VimFault('VSPHERE_LOGIN_REFUSED', what, fault, detail)
    default:
      return new VimFault('VSPHERE_FAULT', `${what}: ${tail}`, fault, detail)
  }
}

/** From the `Fault` element of a SOAP body. The type is that of the value; the element's own name is only a hint. */
export function faultOfBody(what: string, fault: Node): VimFault {
  const detail = child(fault, 'detail')
  const [name, value] =
    typeof detail === 'object'
      ? (Object.entries(detail).find(([key]) => !key.startsWith('@') && !key.startsWith('#')) ?? [])
      : []
  const inner: Node =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : ''
  const type = typeOf(inner) ?? name?.replace(/Fault$/, '') ?? 'fault without a name'
  return vimFault(what, type, textOf(fault, 'faultstring') ?? '', inner)
}

/** From a LocalizedMethodFault: a task's `error`, a missing property's `fault`. */
export function faultOfLocalized(what: string, localized: Node): VimFault {
  const fault = required(localized, 'fault', what)
  const message = descend(localized, 'localizedMessage')
  return vimFault(
    what,
    typeOf(fault) ?? 'fault without a name',
    message === undefined ? '' : text(message),
    fault,
  )
}
