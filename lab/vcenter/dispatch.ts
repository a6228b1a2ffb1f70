import { Decoder, VIM_NAMESPACE } from './decode.js'
import { invalidRequest, notAuthenticated, objectNotFound, VimFault } from './fault.js'
import { collectorMethods } from './methods-collector.js'
import { authorizationMethods } from './methods-authorization.js'
import { datastoreMethods } from './methods-datastore.js'
import { sessionMethods } from './methods-session.js'
import { vmMethods } from './methods-vm.js'
import { type Session } from './sessions.js'
import { type Call, type Handler, type Vcenter } from './vcenter.js'
import { type Field, type Method } from './vim-schema.js'
import { isRef, type DataObject, type MoRef, type VimValue } from './vim-value.js'
import { parseXml, type XmlElement } from './xml.js'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'

/** A request that passed the schema. */
export interface Request {
  readonly method: Method
  readonly target: MoRef
  readonly args: DataObject
}

/** Reads a SOAP request, holding it to the schema. Throws InvalidRequest, InvalidType. */
export function readRequest(vcenter: Vcenter, text: string): Request {
  const envelope = parseXml(text)
  if (envelope.name !== 'Envelope' || envelope.namespace !== SOAP)
    throw invalidRequest('The document is not a SOAP 1.1 envelope')
  const parts = envelope.children.filter(child => child.namespace === SOAP)
  const body = parts.find(child => child.name === 'Body')
  const strange = envelope.children.find(
    child => child.namespace !== SOAP || (child.name !== 'Body' && child.name !== 'Header'),
  )
  if (body === undefined || strange !== undefined) throw invalidRequest('The SOAP envelope is not complete')
  const [call] = body.children
  if (call === undefined || body.children.length !== 1)
    throw invalidRequest('The SOAP body has not exactly one element')
  if (call.namespace !== VIM_NAMESPACE)
    throw invalidRequest(`Unsupported namespace "${call.namespace}" of the method ${call.name}`)
  const method = vcenter.schema.method(call.name)
  if (method === undefined) throw invalidRequest(`Unable to resolve WSDL method name ${call.name}`)
  return { method, ...decodeCall(vcenter, method, call) }
}

function decodeCall(vcenter: Vcenter, method: Method, call: XmlElement): { target: MoRef; args: DataObject } {
  const decoder = new Decoder(vcenter.schema)
  const [first, ...rest] = call.children
  if (first?.name !== '_this' || first.namespace !== VIM_NAMESPACE)
    throw invalidRequest(`Required property _this is missing from the method ${call.name}`)
  const target = decoder.reference(first, 'ManagedObject')
  if (!isRef(target)) throw new TypeError('a reference was decoded as something else')
  const args = decoder.fields(rest, method.parameters, `${call.name}RequestType`)
  return { target, args }
}

const handlers: Readonly<Record<string, Handler>> = {
  ...sessionMethods,
  ...authorizationMethods,
  ...collectorMethods,
  ...datastoreMethods,
  ...vmMethods,
}

/** May be called without a session: what a client needs to log in. */
function isAnonymous(request: Request): boolean {
  const { name } = request.method
  if (name === 'RetrieveServiceContent' || name === 'Login') return true
  const prop = request.args.fields['prop']
  if (name === 'Fetch' && request.target.type === 'ServiceInstance') return prop === 'content'
  return name === 'Fetch' && request.target.type === 'SessionManager' && prop === 'currentSession'
}

/** Carries out a request. Throws a VimFault. */
export async function perform(
  vcenter: Vcenter,
  request: Request,
  caller: Omit<Call, 'method' | 'target' | 'args'>,
): Promise<VimValue | undefined> {
  const { method, target } = request
  if (caller.session === null && !isAnonymous(request)) throw notAuthenticated(target.type, target.id)
  vcenter.inventory.get(target)
  checkOwner(vcenter, target, caller.session)
  if (!vcenter.schema.isObjectSubtype(target.type, method.receiver))
    throw new VimFault('MethodNotFound', `The method ${method.name} is not found on the object.`, {
      receiver: target,
      method: method.name,
    })
  const handler = handlers[method.name]
  if (handler === undefined)
    throw new VimFault('NotSupported', 'The operation is not supported on the object.')
  const fail = vcenter.faults.take('fail-method', rule => rule.method === method.name)
  if (fail !== null)
    throw new VimFault(fail.fault, fail.message ?? 'The operation failed.', fail.fields ?? {})
  return handler(vcenter, { method: method.name, target, args: request.args, ...caller })
}

/** Views, filters and collectors of another session do not exist for this one. */
function checkOwner(vcenter: Vcenter, target: MoRef, session: Session | null): void {
  const owner = vcenter.sessions.all.find(other =>
    [...other.owned].some(mine => mine.type === target.type && mine.id === target.id),
  )
  if (owner !== undefined && owner !== session) throw objectNotFound(target.type, target.id)
}

const envelope = (body: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" ' +
  'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n' +
  `<soapenv:Body>${body}</soapenv:Body>\n</soapenv:Envelope>\n`

export function writeResponse(vcenter: Vcenter, method: Method, result: VimValue | undefined): string {
  const value = method.result === null ? undefined : result
  const inner =
    value === undefined ? '' : vcenter.encoder.element('returnval', value, resultType(method.result))
  return envelope(`<${method.name}Response xmlns="urn:vim25">${inner}</${method.name}Response>`)
}

const resultType = (field: Field | null): Field['type'] => field?.type ?? { kind: 'any' }

export function writeFault(vcenter: Vcenter, fault: VimFault): string {
  const { type } = fault.detail
  const detail = vcenter.encoder
    .any(`${type}Fault`, fault.detail, { kind: 'any' })
    .replace(`<${type}Fault `, `<${type}Fault xmlns="urn:vim25" `)
  const text = fault.message.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return envelope(
    `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${text}</faultstring>` +
      `<detail>${detail}</detail></soapenv:Fault>`,
  )
}
