import type { Values } from '../../console/form.js'
import { choice, secret, text, type Facts, type WizardStep } from '../step.js'

const isOma = (answers: Values): boolean => (answers['role.role'] ?? 'oma') === 'oma'

function urlProblem(schemes: readonly string[], example: string): (value: string) => string | null {
  return value => {
    const url = URL.canParse(value.trim()) ? new URL(value.trim()) : null
    const fits = url !== null && schemes.includes(url.protocol) && url.username === '' && url.hash === ''
    return fits ? null : `An address without user and password, for instance ${example}.`
  }
}

const needed =
  (what: string) =>
  (value: string): string | null =>
    value.trim() === '' ? `${what} is needed.` : null

export const cloudstackStep: WizardStep = {
  id: 'cloudstack',
  title: 'CloudStack',
  applies: isOma,
  notes: () => [
    'The CloudStack this OMA runs in. The secret key is stored readable by the agent only and is not shown again.',
  ],
  fields: (_answers, _facts, kept) => [
    text(
      'cloudstack.url',
      'API address',
      urlProblem(['https:', 'http:'], 'https://cloud.example.net:8443/client/api'),
    ),
    text('cloudstack.api_key', 'API key', needed('The API key')),
    secret('cloudstack.secret_key', 'Secret key', kept, needed('The secret key')),
  ],
  problems: () => ({}),
}

export const vcenterStep: WizardStep = {
  id: 'vcenter',
  title: 'vCenter',
  applies: answers => !isOma(answers),
  notes: () => [
    'The vCenter this VMA reads from. The password is stored readable by the agent only and is not shown again.',
  ],
  fields: (_answers, _facts, kept) => [
    text('vcenter.url', 'Address', urlProblem(['https:'], 'https://vc1.example.net')),
    text('vcenter.user', 'User', needed('The user')),
    secret('vcenter.password', 'Password', kept, needed('The password')),
  ],
  problems: () => ({}),
}

export const thumbprintProblem = (value: string): string | null =>
  /^([0-9A-Fa-f]{2}:?){32}$/.test(value.trim())
    ? null
    : 'Compare the SHA-256 of the certificate (32 pairs of hex digits) with the server, then confirm it.'

/** The address whose certificate a certificate step is about; null: it has none. */
export function certificateAddress(answers: Values): string | null {
  const url = (answers[isOma(answers) ? 'cloudstack.url' : 'vcenter.url'] ?? '').trim()
  return URL.canParse(url) && new URL(url).protocol === 'https:' ? url : null
}

export const certificateStep: WizardStep = {
  id: 'certificate',
  title: 'Certificate',
  applies: answers => certificateAddress(answers) !== null,
  notes: (answers, facts) => certificateNotes(certificateAddress(answers) ?? '', facts),
  fields: (answers, facts) => {
    const fact = facts.certificates[certificateAddress(answers) ?? '']
    if (fact?.kind !== 'read') return [text('certificate.thumbprint', 'SHA-256', thumbprintProblem)]
    const options = [
      ['', 'No, not confirmed'],
      [fact.thumbprintSha256, 'Yes, this is the right one'],
    ] as const
    return [choice('certificate.thumbprint', 'Is it the right one?', ...options)]
  },
  problems: answers => {
    const problem = thumbprintProblem(answers['certificate.thumbprint'] ?? '')
    return problem === null ? {} : { 'certificate.thumbprint': problem }
  },
}

function certificateNotes(url: string, facts: Facts): readonly string[] {
  const fact = facts.certificates[url]
  if (fact === undefined) return [`Reading the certificate of ${url} ...`]
  if (fact.kind === 'unreadable')
    return [
      `The certificate of ${url} could not be read: ${fact.reason}. Go back to correct the address, or type the SHA-256 shown on the server.`,
    ]
  return [
    `${url} shows a certificate for ${fact.subject}, valid to ${fact.validTo}. Compare:`,
    fact.thumbprintSha256,
  ]
}
