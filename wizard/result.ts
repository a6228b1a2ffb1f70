import { scryptSync } from 'node:crypto'
import { stringify } from 'smol-toml'
import type { Values } from '../console/form.js'
import { answerKeys, secretKeys } from './steps/list.js'
import { hostSettingsOf, withoutUnused } from './steps/network.js'
import { certificateAddress } from './steps/peers.js'

/** 32 MiB and about 0.1 s: small appliances have to be able to check it too. */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const
const hashBytes = 32

/** `scrypt:N:r:p:salt:hash`, salt and hash in base64. */
export function passwordHash(password: string, salt: Buffer): string {
  const { N, r, p } = scryptCost
  const hash = scryptSync(password.normalize('NFC'), salt, hashBytes, scryptCost)
  return ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join(':')
}

/** What is stored of a secret as soon as its step is left: the password as its hash, the others as they are. */
export const storedSecret = (key: string, value: string, salt: Buffer): string =>
  key === 'admin.password' ? passwordHash(value, salt) : value

export interface ResultFile {
  readonly path: string
  readonly text: string
  readonly mode: 0o600 | 0o644
}

/**
 * Everything a finished run leaves, in a fixed order. The same answers give the same bytes, whether they were typed, read
 * from a file or from OVF properties. `secrets` are as `storedSecret` made them.
 */
export function resultFiles(given: Values, secrets: Values): readonly ResultFile[] {
  const answers = withoutUnused(given)
  const role = answers['role.role'] ?? 'oma'
  const open = (path: string, text: string): ResultFile => ({ path, text, mode: 0o644 })
  const hidden = (path: string, text: string): ResultFile => ({ path, text, mode: 0o600 })
  const needed = (id: string): string => {
    const value = secrets[id]
    if (value === undefined) throw new Error(`the secret ${id} was never stored`)
    return value
  }
  return [
    open('role', `${role}\n`),
    open('keyboard', `XKBLAYOUT="${answers['keyboard.layout'] ?? 'us'}"\n`),
    open('host-settings.json', `${JSON.stringify(hostSettingsOf(answers), null, 2)}\n`),
    hidden('admin-password', `${needed('admin.password')}\n`),
    ...(role === 'oma'
      ? [
          open('cloudstack.toml', peerToml(answers, 'cloudstack')),
          hidden(
            'cloudstack-credentials.toml',
            toml({
              api_key: (answers['cloudstack.api_key'] ?? '').trim(),
              secret_key: needed('cloudstack.secret_key'),
            }),
          ),
        ]
      : [
          open('vcenter.toml', peerToml(answers, 'vcenter')),
          hidden(
            'vcenter-credentials.toml',
            toml({ user: (answers['vcenter.user'] ?? '').trim(), password: needed('vcenter.password') }),
          ),
        ]),
    open('answers.toml', answersToml(answers)),
  ]
}

const toml = (value: Record<string, unknown>): string => `${stringify(value).trimEnd()}\n`

function peerToml(answers: Values, peer: 'cloudstack' | 'vcenter'): string {
  const url = (answers[`${peer}.url`] ?? '').trim()
  const thumbprint = (answers['certificate.thumbprint'] ?? '').trim().replaceAll(':', '').toUpperCase()
  return toml(certificateAddress(answers) === null ? { url } : { url, thumbprint_sha256: thumbprint })
}

/** An answers file that gives the same result again, but for the secrets, which are never in it. */
function answersToml(answers: Values): string {
  const tables: Record<string, Record<string, string>> = {}
  for (const key of answerKeys) {
    const value = answers[key]
    if (value === undefined || secretKeys.has(key)) continue
    const [step = '', name = ''] = key.split('.')
    ;(tables[step] ??= {})[name] = value.trim()
  }
  return toml(tables)
}
