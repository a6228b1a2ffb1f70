import { Type, type Static } from 'typebox'
import { Id } from './schemas.js'

/**
 * The request by which scripts of MigrateKit OSSEA add and start a VM. Only the VM's id counts: everything else it says of
 * the VM is looked up in vCenter instead of being believed, and is accepted so that those scripts go on working.
 */
const ignored = Type.Optional(Type.Unknown())

export const OriginalReplication = Type.Object(
  {
    source_vm: Type.Object({
      /** The instance UUID of the VM. */
      id: Id,
      name: Type.Optional(Type.String()),
    }),
    start_replication: Type.Boolean({ default: true }),
    ossea_config_id: ignored,
    replication_type: ignored,
    target_network: ignored,
    vcenter_host: ignored,
    datacenter: ignored,
    schedule_execution_id: ignored,
    vm_group_id: ignored,
    scheduled_by: ignored,
  },
  { additionalProperties: false },
)
export type OriginalReplication = Static<typeof OriginalReplication>

/** `context_id` names the managed VM; job and pass are null when nothing was started. */
export const OriginalStarted = Type.Object({
  status: Type.Union([Type.Literal('added'), Type.Literal('already-added'), Type.Literal('replicating')]),
  context_id: Id,
  job_id: Type.Union([Id, Type.Null()]),
  pass_id: Type.Union([Id, Type.Null()]),
})
