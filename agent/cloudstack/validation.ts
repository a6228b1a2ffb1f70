import { type Fields } from './api.js'
import { type CloudstackChoice } from './deps.js'
import { type Looked, type Survey } from './survey.js'

/** `unknown`: it could not be checked, which is neither good nor bad. */
export type Severity = 'ok' | 'warning' | 'error' | 'unknown'

export interface Finding {
  readonly code: string
  readonly severity: Severity
  readonly what: string
  /** What the operator does about it; null: nothing. */
  readonly remedy: string | null
}

type Verdict = Omit<Finding, 'code'>

const ok = (what: string): Verdict => ({ severity: 'ok', what, remedy: null })
const warning = (what: string, remedy: string): Verdict => ({ severity: 'warning', what, remedy })
const wrong = (what: string, remedy: string): Verdict => ({ severity: 'error', what, remedy })

/** A template's size is the least size of a root volume made from it. */
const largeTemplateBytes = 2 * 1024 ** 3
/** So few objects or GiB left are worth a word. */
const fewLeft = 10

/** One finding for each check, in the order of their weight for an operator; a check is never left out. */
export function validate(survey: Survey, choice: CloudstackChoice): Finding[] {
  return [
    { code: 'TRANSPORT', ...transport(survey.isPlainHttp) },
    { code: 'PERMISSIONS', ...judged(survey.missingCommands, permissions) },
    { code: 'APPLIANCE_VM', ...judged(survey.own, own => applianceVm(own, choice)) },
    { code: 'APPLIANCE_ACCOUNT', ...both(survey.appliance, survey.account, applianceAccount) },
    { code: 'ZONE', ...both(survey.zone, survey.appliance, zone) },
    { code: 'DISK_OFFERING', ...judged(survey.diskOffering, diskOffering) },
    { code: 'SERVICE_OFFERING', ...judged(survey.serviceOffering, serviceOffering) },
    { code: 'TEMPLATE', ...judged(survey.template, template) },
    { code: 'NETWORK', ...judged(survey.network, found => network(found, choice)) },
    { code: 'APPLIANCE_VM_SNAPSHOTS', ...judged(survey.vmSnapshots, vmSnapshots) },
    { code: 'LIMITS', ...both(survey.limits, survey.account, limits) },
    { code: 'POOL_SCOPE', ...judged(survey.pools, poolScope) },
    { code: 'DISKS_PER_VM', ...both(survey.hypervisors, survey.applianceVolumes, disksPerVm) },
  ]
}

function judged<T>(looked: Looked<T>, judge: (value: T) => Verdict): Verdict {
  if (looked.kind === 'seen') return judge(looked.value)
  return {
    severity: 'unknown',
    what: `Could not be checked: ${looked.why}.`,
    remedy: 'Ask an administrator of CloudStack, or validate again with a key that may see it.',
  }
}

const both = <A, B>(one: Looked<A>, other: Looked<B>, judge: (a: A, b: B) => Verdict): Verdict =>
  judged(one, a => judged(other, b => judge(a, b)))

const transport = (isPlainHttp: boolean): Verdict =>
  isPlainHttp
    ? warning('Requests travel as plain http.', 'Use the https address of the management server.')
    : ok('Requests travel by TLS to the confirmed certificate.')

const permissions = (missing: readonly string[]): Verdict =>
  missing.length === 0
    ? ok('The role of the key may call every command that is needed.')
    : wrong(`The role of the key may not call ${missing.join(', ')}.`, 'Allow these commands in the role.')

function applianceVm(
  own: Extract<Survey['own'], { kind: 'seen' }>['value'],
  choice: CloudstackChoice,
): Verdict {
  switch (own.kind) {
    case 'found':
      return own.id === choice.applianceVmId
        ? ok(`This machine is VM ${own.name} (${own.id}), as its ${proof[own.by]} shows.`)
        : wrong(
            `This machine is VM ${own.id}, configured is ${choice.applianceVmId}.`,
            'Save the configuration with the VM this machine is.',
          )
    case 'not-found':
      return wrong(
        'No VM of this account has the firmware UUID or a network card of this machine.',
        'Use a key of the account the appliance belongs to.',
      )
    case 'contradiction':
      return wrong(
        `The identity of this machine fits more than one VM: ${own.ids.join(', ')}.`,
        'Find the copy of the appliance and give it network cards of its own, or remove it.',
      )
  }
}

const proof = { uuid: 'firmware UUID', mac: 'network card', both: 'firmware UUID and network card' } as const

function applianceAccount(vm: Fields | undefined, account: Fields | undefined): Verdict {
  if (vm === undefined)
    return wrong(
      'The key does not see the appliance VM.',
      'Use a key of the account the appliance belongs to.',
    )
  if (account === undefined) return unknown('CloudStack does not show the account of the key')
  const isSame = vm['account'] === account['name'] && vm['domainid'] === account['domainid']
  return isSame
    ? ok(`Key and appliance belong to account ${String(account['name'])}.`)
    : wrong(
        `The appliance belongs to account ${String(vm['account'])}, the key to ${String(account['name'])}.`,
        'Use a key of the account of the appliance: volumes of another account cannot be attached to it.',
      )
}

const unknown = (why: string): Verdict => judged({ kind: 'unknown', why }, () => ok(''))

function zone(found: Fields | undefined, vm: Fields | undefined): Verdict {
  if (found === undefined) return wrong('The zone does not exist.', 'Choose a zone from the discovery.')
  if (vm === undefined) return unknown('the appliance VM is not seen')
  return vm['zoneid'] === found['id']
    ? ok(`The appliance is in zone ${String(found['name'])}.`)
    : wrong(
        `The appliance is in zone ${String(vm['zonename'])}, chosen is ${String(found['name'])}.`,
        'Choose the zone of the appliance: a volume cannot be attached across zones.',
      )
}

function diskOffering(found: Fields | undefined): Verdict {
  if (found === undefined)
    return wrong('The disk offering does not exist.', 'Choose a disk offering from the discovery.')
  return found['iscustomized'] === true
    ? ok(`Disk offering ${String(found['name'])} takes any size.`)
    : wrong(
        `Disk offering ${String(found['name'])} has a fixed size.`,
        'Choose a custom disk offering: every volume is as large as its source disk.',
      )
}

const notChosen = (what: string): Verdict =>
  warning(
    `No ${what} is chosen.`,
    `Choose a ${what} before the first failover; replication does not need it.`,
  )

function serviceOffering(found: Fields | undefined | null): Verdict {
  if (found === null) return notChosen('service offering')
  if (found === undefined)
    return wrong('The service offering does not exist.', 'Choose a service offering from the discovery.')
  return found['iscustomized'] === true
    ? ok(`Service offering ${String(found['name'])} takes any number of processors and memory.`)
    : wrong(
        `Service offering ${String(found['name'])} has fixed processors and memory.`,
        'Choose a custom service offering: a failover VM is as large as its source VM.',
      )
}

function template(found: Fields | undefined | null): Verdict {
  if (found === null) return notChosen('template')
  if (found === undefined)
    return wrong('The template does not exist in this zone.', 'Choose a template from the discovery.')
  const name = String(found['name'])
  if (found['isready'] !== true)
    return wrong(`Template ${name} is not ready.`, 'Wait until CloudStack has it, or choose another.')
  const { size } = found
  if (typeof size !== 'number') return unknown(`CloudStack does not tell the size of template ${name}`)
  return size <= largeTemplateBytes
    ? ok(`Template ${name} is small enough (${size} bytes).`)
    : warning(
        `Template ${name} has ${size} bytes; a VM whose root disk is smaller cannot be made from it.`,
        'Choose a template of at most 2 GiB; its content is not used.',
      )
}

function network(found: Fields | undefined | null, choice: CloudstackChoice): Verdict {
  if (found === null) return notChosen('network')
  if (found === undefined) return wrong('The network does not exist.', 'Choose a network from the discovery.')
  return found['zoneid'] === choice.zoneId
    ? ok(`Network ${String(found['name'])} is in the zone.`)
    : wrong(`Network ${String(found['name'])} is in another zone.`, 'Choose a network of the same zone.')
}

const vmSnapshots = (found: readonly Fields[]): Verdict =>
  found.length === 0
    ? ok('The appliance has no VM snapshots.')
    : wrong(
        `The appliance has VM snapshots: ${found.map(one => String(one['displayname'] ?? one['name'])).join(', ')}.`,
        'Delete them in CloudStack: no volume can be attached or detached while they are there.',
      )

/** `resourcetype` of listResourceLimits, and the field of the account that counts what is used. */
const counted = [
  ['2', 'volumes', 'volumetotal'],
  ['3', 'snapshots', 'snapshottotal'],
  ['10', 'GiB of primary storage', 'primarystoragetotal'],
  ['11', 'GiB of secondary storage', 'secondarystoragetotal'],
] as const

function limits(found: readonly Fields[], account: Fields | undefined): Verdict {
  const low: string[] = []
  let isUsedUp = false
  for (const [type, what, totalField] of counted) {
    const max = found.find(one => String(one['resourcetype']) === type)?.['max']
    const total = account?.[totalField]
    // -1 is no limit.
    if (typeof max !== 'number' || max < 0 || typeof total !== 'number') continue
    const left = max - total
    if (left < fewLeft) low.push(`${left} ${what}`)
    if (left <= 0) isUsedUp = true
  }
  if (low.length === 0) return ok('The limits of the account leave room.')
  const what = `The limits of the account leave ${low.join(', ')}.`
  const remedy = 'Raise the limits, or remove what is not needed.'
  return isUsedUp ? wrong(what, remedy) : warning(what, remedy)
}

function poolScope(pools: readonly Fields[]): Verdict {
  const narrow = pools.filter(pool => pool['scope'] !== 'ZONE')
  if (narrow.length === 0) return ok('All storage pools of the zone serve the whole zone.')
  return warning(
    `Storage pools that serve a cluster or a host only: ${narrow.map(pool => `${String(pool['name'])} (${String(pool['scope'])})`).join(', ')}.`,
    'Use a disk offering whose tags lead to pools of the zone: elsewhere attaching to a VM of another cluster moves the volume.',
  )
}

function disksPerVm(hypervisors: readonly Fields[], volumes: readonly Fields[]): Verdict {
  const most = hypervisors
    .map(one => one['maxdatavolumeslimit'])
    .filter((limit): limit is number => typeof limit === 'number')
  if (most.length === 0) return unknown('CloudStack names no limit for KVM')
  const limit = Math.min(...most)
  const used = volumes.filter(volume => volume['type'] === 'DATADISK').length
  const what = `${used} of at most ${limit} data disks are attached to the appliance.`
  return used + fewLeft > limit
    ? warning(what, 'Detach volumes that are not in use, or raise the limit of the hypervisor.')
    : ok(what)
}
