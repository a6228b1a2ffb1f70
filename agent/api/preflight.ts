import { Type, type Static } from 'typebox'
import { Id, Instant } from './schemas.js'

const findingCodes = [
  'no-disks',
  'disk-independent',
  'disk-raw-physical',
  'disk-shared-bus',
  'disk-multi-writer',
  'disk-no-file',
  'disk-large',
  'disk-encrypted',
  'cbt-unsupported',
  'cbt-off',
  'snapshots-present',
  'snapshot-debt',
  'snapshot-chain-full',
  'consolidation-needed',
  'privilege-missing',
  'tools-not-running',
  'vm-encrypted',
  'datastore-low',
  'datastore-full',
  'vddk-missing',
  'vddk-unsuitable',
  'not-checked',
] as const

/** Something that speaks against replicating a VM. `not-checked` is a finding of its own: unknown is not good. */
export const FindingView = Type.Object({
  code: Type.Unsafe<(typeof findingCodes)[number]>({ type: 'string', enum: [...findingCodes] }),
  severity: Type.Union([Type.Literal('blocker'), Type.Literal('warning'), Type.Literal('info')]),
  what: Type.String({ maxLength: 4000 }),
  remedy: Type.String({ maxLength: 4000 }),
})
export type FindingView = Static<typeof FindingView>

export const PreflightVm = Type.Object({ sourceVmId: Id })
export const PreflightResult = Type.Object({ findings: Type.Array(FindingView) })

/** The newest check of a VM; findings worst first. */
export const PreflightView = Type.Object({ checkedAt: Instant, findings: Type.Array(FindingView) })
export type PreflightView = Static<typeof PreflightView>
