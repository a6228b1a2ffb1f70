import { bootOrder, hostNameOf, networkModeOf, testHostNameOf } from '../domain/failover.js'
import { type Hardware } from '../domain/hardware.js'
import { resolveNics, type FailoverFinding, type FailoverFindingCode } from '../domain/network-mapping.js'
import { AppError } from '../errors.js'
import { type Blueprint } from './blueprint.js'
import {
  type FailoverDeps,
  type PointState,
  type SourceFacts,
  type SourcePower,
  type TargetVolume,
} from './deps.js'
import { type PreflightFacts, type PreflightRequest } from './preflight-facts.js'
import { targetFindings } from './target-findings.js'

export interface Preflight {
  /** Worst first. */
  readonly findings: readonly FailoverFinding[]
  /** Null: a blocker says why there is none. */
  readonly blueprint: Blueprint | null
  /** Null: nobody could tell. */
  readonly sourcePower: SourcePower | null
}

export const blockers = (findings: readonly FailoverFinding[]): readonly FailoverFinding[] =>
  findings.filter(({ severity }) => severity === 'blocker')

/** Looks at everything a failover depends on and changes nothing. What cannot be seen of the target rejects. */
export async function preflight(
  deps: Pick<FailoverDeps, 'store' | 'points' | 'source' | 'cloud' | 'timing'>,
  request: PreflightRequest,
  signal: AbortSignal,
): Promise<Preflight> {
  const { store, points, cloud } = deps
  const source = await store.source(request)
  const volumes = new Map<string, TargetVolume | undefined>()
  for (const { volumeId } of source.disks)
    if (volumeId !== null) volumes.set(volumeId, await cloud.volume(volumeId, signal))
  return judge(request, {
    source,
    volumes,
    networks: await store.networks(request.sourceVmId),
    point: await points.state(request.jobId),
    target: await cloud.facts(signal),
    applianceVmId: await cloud.applianceVmId(),
    power: await powerOf(deps, request, signal),
  })
}

async function powerOf(
  { source, timing }: Pick<FailoverDeps, 'source' | 'timing'>,
  { sourceVmId, kind }: PreflightRequest,
  signal: AbortSignal,
): Promise<PreflightFacts['power']> {
  try {
    const limitMs = kind === 'unplanned' ? timing.sourceGoneMs : timing.sourceLookMs
    return { kind: 'known', ...(await source.power(sourceVmId, limitMs, signal)) }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AppError) || error.code === 'STORE_UNAVAILABLE') throw error
    return { kind: 'unknown', why: `${error.code}: ${error.message}` }
  }
}

const severities = { blocker: 0, warning: 1, info: 2 } as const

export function judge(request: PreflightRequest, facts: PreflightFacts): Preflight {
  const { hardware } = facts.source
  const { nics, findings: ofNics } = resolveNics({
    mode: networkModeOf(request.kind),
    nics: hardware?.nics ?? [],
    ...facts.networks,
    networks: facts.target.networks,
    zoneId: facts.target.zoneId,
  })
  const disks = orderedDisks(facts.source, request.options.rootDiskKey)
  const findings = [
    ...sourceFindings(request, facts),
    ...(hardware === undefined ? [] : ofNics),
    ...targetFindings(request, facts),
  ].toSorted((a, b) => severities[a.severity] - severities[b.severity])
  const blueprint = blockers(findings).length > 0 ? null : blueprintFrom(request, facts, nics, disks)
  return { findings, blueprint, sourcePower: facts.power.kind === 'known' ? facts.power.power : null }
}

function orderedDisks({ disks, hardware }: SourceFacts, rootDiskKey: string | null) {
  const placed = disks.map(disk => {
    const known = hardware?.disks.find(({ key }) => key === disk.diskKey)
    return { ...disk, controllerKey: known?.controllerKey ?? null, unitNumber: known?.unitNumber ?? null }
  })
  return bootOrder(placed, rootDiskKey)
}

function blueprintFrom(
  request: PreflightRequest,
  { source: { hardware }, target }: PreflightFacts,
  nics: Blueprint['nics'],
  disks: SourceFacts['disks'],
): Blueprint | null {
  const { offering, template } = target
  if (hardware === undefined || offering === null || template === null) return null
  const volumes = disks.flatMap(({ diskKey, label, capacityBytes, volumeId }) =>
    volumeId === null ? [] : [{ diskKey, label, capacityBytes: capacityBytes.toString(), volumeId }],
  )
  return {
    hostName:
      request.kind === 'test'
        ? testHostNameOf(request.vmName, request.id ?? '????????')
        : hostNameOf(request.vmName),
    zoneId: target.zoneId,
    serviceOfferingId: offering.id,
    serviceOfferingName: offering.name,
    cpuCount: offering.isCustomized ? hardware.cpuCount : null,
    memoryMib: offering.isCustomized ? hardware.memoryMib : null,
    templateId: template.id,
    templateName: template.name,
    firmware: firmwareOf(hardware),
    nics,
    disks: volumes,
  }
}

const firmwareOf = ({ firmware, secureBoot }: Hardware): Blueprint['firmware'] =>
  firmware !== 'efi' ? 'bios' : secureBoot ? 'uefi-secure' : 'uefi'

const finding = (
  severity: FailoverFinding['severity'],
  code: FailoverFindingCode,
  what: string,
  remedy: string,
): FailoverFinding => ({ code, severity, what, remedy })

function* sourceFindings(request: PreflightRequest, facts: PreflightFacts): Generator<FailoverFinding> {
  const { hardware, isPaused, disks } = facts.source
  if (hardware === undefined)
    yield finding(
      'blocker',
      'hardware-unknown',
      'No pass has seen the hardware of the VM.',
      'Run a pass of its job.',
    )
  if (disks.length === 0 || disks.some(({ volumeId }) => volumeId === null))
    yield finding(
      'blocker',
      'point-missing',
      'Not every disk of the VM has a volume.',
      'Run a pass of its job.',
    )
  yield* pointFindings(request, facts.point)
  if (isPaused && request.kind !== 'unplanned')
    yield finding('blocker', 'job-paused', 'The job is paused, so its passes do not move.', 'Resume the job.')
  const { rootDiskKey } = request.options
  if (rootDiskKey !== null && !disks.some(({ diskKey }) => diskKey === rootDiskKey))
    yield finding(
      'blocker',
      'root-disk',
      `The job has no disk ${rootDiskKey} to boot from.`,
      'Name one of its disks.',
    )
  if (request.kind !== 'test') yield* powerFindings(request, facts.power)
}

function* pointFindings({ kind }: PreflightRequest, point: PointState): Generator<FailoverFinding> {
  // A live failover copies once more before it uses the volumes.
  const severity = kind === 'live' ? 'info' : 'blocker'
  switch (point.kind) {
    case 'applied':
      return
    case 'pending':
      yield finding('info', 'point-unusable', point.what, 'Nothing to do: the failover waits for it.')
      return
    case 'none':
      yield finding(
        'blocker',
        'point-missing',
        'The job has no recovery point.',
        'Run a pass until it is committed.',
      )
      return
    case 'unusable':
      yield finding(severity, 'point-unusable', point.why, 'Run a pass until it is committed.')
  }
}

function* powerFindings(
  { kind, options }: PreflightRequest,
  power: PreflightFacts['power'],
): Generator<FailoverFinding> {
  if (power.kind === 'unknown') {
    if (kind === 'live')
      yield finding(
        'blocker',
        'source-power',
        `Nobody can ask the source: ${power.why}`,
        'Bring vCenter and the VMA back, or fail over unplanned.',
      )
    else
      yield finding(
        'warning',
        'source-power',
        `Nobody can tell whether the source is off: ${power.why}`,
        'Make sure that it cannot serve: it must not come back while the target runs.',
      )
    return
  }
  if (kind === 'unplanned' && power.power === 'on')
    yield finding('blocker', 'source-power', 'The source is on.', 'Use a live failover: it loses nothing.')
  if (kind === 'live' && power.power !== 'on' && power.power !== 'off')
    yield finding('blocker', 'source-power', `The source is ${power.power}.`, 'Switch it on, or off.')
  if (kind === 'live' && power.power === 'on' && !power.toolsRunning)
    yield options.onShutdownHang === 'power-off'
      ? finding(
          'warning',
          'source-tools',
          'The guest cannot be asked to shut down; it is powered off hard.',
          'Start VMware Tools in the guest.',
        )
      : finding(
          'blocker',
          'source-tools',
          'The guest cannot be asked to shut down.',
          'Start VMware Tools in the guest, shut it down by hand, or allow it to be powered off.',
        )
}
