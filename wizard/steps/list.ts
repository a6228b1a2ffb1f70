import type { Values } from '../../console/form.js'
import type { WizardStep } from '../step.js'
import { keyboardStep, passwordStep, roleStep } from './basics.js'
import { addressStep, hostStep, methodStep } from './network.js'
import { certificateStep, cloudstackStep, vcenterStep } from './peers.js'

const allSteps: readonly WizardStep[] = [
  keyboardStep,
  roleStep,
  methodStep,
  addressStep,
  hostStep,
  passwordStep,
  cloudstackStep,
  vcenterStep,
  certificateStep,
]

/** The steps that these answers lead through, in order. */
export const stepsFor = (answers: Values): readonly WizardStep[] =>
  allSteps.filter(step => step.applies(answers))

/** Every answer a file can give; what only a person types (trials, repetitions) is none. */
export const answerKeys = [
  'keyboard.layout',
  'role.role',
  'network.interface',
  'network.vlan',
  'network.mtu',
  'network.ipv4_method',
  'network.ipv6_method',
  'network.ipv4',
  'network.ipv4_gateway',
  'network.ipv6',
  'network.ipv6_gateway',
  'network.dns',
  'network.search',
  'host.name',
  'host.ntp',
  'admin.password',
  'cloudstack.url',
  'cloudstack.api_key',
  'cloudstack.secret_key',
  'vcenter.url',
  'vcenter.user',
  'vcenter.password',
  'certificate.thumbprint',
] as const

export const secretKeys: ReadonlySet<string> = new Set([
  'admin.password',
  'cloudstack.secret_key',
  'vcenter.password',
])

/** Typed by a person to be sure, and kept nowhere. */
export const passingKeys: ReadonlySet<string> = new Set(['keyboard.trial', 'admin.again'])
