import { XMLParser } from 'fast-xml-parser'
import { parse } from 'smol-toml'
import { AppError } from '../agent/errors.js'
import { isBalanced } from '../agent/vsphere/balanced.js'
import { cleanText } from '../console/clean-text.js'
import { formProblems, formState, type Values } from '../console/form.js'
import { formOf, type Facts } from './step.js'
import { answerKeys, stepsFor } from './steps/list.js'

const maxTextLength = 64 * 1024

const known: ReadonlySet<string> = new Set(answerKeys)

/** Answers from a TOML file: a table per step. Throws CONFIG_INVALID; its message never holds a value. */
export function answersFromToml(text: string): Values {
  if (text.length > maxTextLength) throw invalid('the answers file is too long')
  let value: Record<string, unknown>
  try {
    value = parse(text)
  } catch (cause) {
    // The parser quotes the text around the fault, which may be a secret.
    const line = cause instanceof Error && 'line' in cause ? ` in line ${String(cause.line)}` : ''
    throw invalid(`the answers file is not TOML${line}`)
  }
  const found: Record<string, string> = {}
  for (const [step, table] of Object.entries(value)) {
    if (typeof table !== 'object' || table === null || Array.isArray(table))
      throw invalid(`${step} is not a table`)
    for (const [name, item] of Object.entries(table))
      found[`${step}.${name}`] = textOf(`${step}.${name}`, item)
  }
  return onlyKnown(found)
}

function textOf(key: string, item: unknown): string {
  if (typeof item === 'string') return item
  if (typeof item === 'number' || typeof item === 'bigint') return String(item)
  if (Array.isArray(item) && item.every(part => typeof part === 'string')) return item.join(', ')
  throw invalid(`${key} has to be a text, a number or a list of texts`)
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 20,
  isArray: name => name === 'Property' || name === 'PropertySection',
})

/**
 * Answers from the OVF environment, which the hypervisor hands over as XML. Properties of others are left alone; ours
 * begin with `ossea.`. Throws CONFIG_INVALID.
 */
export function answersFromOvf(xml: string): Values {
  if (xml.length > maxTextLength) throw invalid('the OVF environment is too long')
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) throw invalid('the OVF environment declares a document type')
  if (!isBalanced(xml)) throw invalid('the OVF environment is not well-formed')
  const found: Record<string, string> = {}
  for (const section of children(children(parsedXml(xml), 'Environment')[0], 'PropertySection')) {
    for (const property of children(section, 'Property')) {
      const key = property['@key']
      const value = property['@value']
      if (typeof key !== 'string' || typeof value !== 'string' || !key.startsWith(ovfPrefix)) continue
      const name = key.slice(ovfPrefix.length)
      if (Object.hasOwn(found, name)) throw invalid(`the OVF environment has ${key} twice`)
      // Empty is what a deployer left open.
      if (value !== '') found[name] = value
    }
  }
  return onlyKnown(found)
}

const ovfPrefix = 'ossea.'

type XmlNode = Readonly<Record<string, unknown>>

function parsedXml(xml: string): XmlNode {
  try {
    return parser.parse(xml) as XmlNode
  } catch (cause) {
    throw invalid('the OVF environment is not XML', cause)
  }
}

const children = (node: XmlNode | undefined, name: string): readonly XmlNode[] => {
  const found = node?.[name]
  const list: readonly unknown[] = Array.isArray(found) ? found : [found]
  return list.filter((each): each is XmlNode => typeof each === 'object' && each !== null)
}

function onlyKnown(found: Values): Values {
  const strange = Object.keys(found).find(key => !known.has(key))
  if (strange !== undefined) throw invalid(`${cleanText(strange)} is not a known answer`)
  return found
}

const invalid = (message: string, cause?: unknown): AppError => new AppError('CONFIG_INVALID', message, cause)

const noFacts: Facts = { interfaces: [], certificates: {} }

/**
 * The answers of a whole run, or everything that is wrong with them as `key: sentence`: the same steps, fields and checks
 * that a person meets.
 */
export function completeAnswers(
  given: Values,
):
  | { readonly ok: true; readonly answers: Values }
  | { readonly ok: false; readonly problems: readonly string[] } {
  let answers: Values = { ...given, 'admin.again': given['admin.password'] ?? '' }
  const problems: string[] = []
  const role = given['role.role'] ?? 'oma'
  for (const step of stepsFor(answers)) {
    const spec = formOf(step, answers, noFacts, new Set())
    const values = formState(spec, answers).values
    for (const field of spec.fields) {
      const wanted = answers[field.id]
      if (field.kind === 'choice' && wanted !== undefined && values[field.id] !== wanted)
        problems.push(
          `${field.id}: it has to be one of ${field.options.map(option => option.value).join(', ')}.`,
        )
    }
    for (const [id, problem] of Object.entries(formProblems(spec, values))) problems.push(`${id}: ${problem}`)
    answers = { ...answers, ...values }
  }
  const other = role === 'vma' ? 'cloudstack.' : 'vcenter.'
  for (const key of Object.keys(given))
    if (key.startsWith(other)) problems.push(`${key}: a ${role} does not have it.`)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, answers }
}
