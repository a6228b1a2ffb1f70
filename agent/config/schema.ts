import { Type, type Static } from 'typebox'

const AbsolutePath = Type.String({ pattern: '^/', maxLength: 4096 })
/** A unix socket's path: sockaddr_un has 108 bytes with the closing zero (unix(7)). */
const SocketPath = Type.String({ pattern: '^/', maxLength: 107 })
const Name = Type.String({ minLength: 1, maxLength: 128 })
const LogLevel = Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn')])
const closed = { additionalProperties: false }

/** The OMA: owns all state, asks VMAs for work. */
export const OmaConfig = Type.Object(
  {
    role: Type.Literal('oma'),
    log_level: LogLevel,
    api: Type.Object({ operator_socket: SocketPath, worker_socket: SocketPath }, closed),
    database: Type.Object({ socket: SocketPath, user: Name, name: Name }, closed),
    volume_daemon: Type.Object({ socket: SocketPath }, closed),
    /** Keys of other systems, one file each; only the agent may enter. */
    secrets_dir: AbsolutePath,
    /**
     * Names this agent among those that share the database; only one process may run under a name. Left out: `oma`, for an
     * OMA that is alone.
     */
    agent_id: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' })),
    /** How long another agent waits before it takes over what a silent one ran; left out: fifteen seconds. */
    claim_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
    /** Where this machine's identity is read; left out: /sys. */
    sysfs_dir: Type.Optional(AbsolutePath),
    /** How patient the CloudStack client is; left out: fit for a real site. */
    cloudstack_settle_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
    /** How many data disks this appliance's VM can have; left out: as CloudStack tells. */
    max_attached_volumes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    /** A replica that no pass has used for so long is detached; left out: an hour. */
    idle_detach_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
    /** Between two comparisons of volumes with what is recorded; left out: ten minutes. */
    reconcile_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
    /** Orphans are not removed before they have been seen for so long; left out: a day. */
    orphan_age_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
    /** Remove orphans without being asked; left out: list them only. */
    remove_orphans: Type.Optional(Type.Boolean()),
    /** Passes of schedules, groups and RPO targets that run at once; left out: ten. */
    max_scheduled_passes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    lease_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
    /** A snapshot that takes longer to make or to fold makes the next pass of its VM gentler. */
    slow_snapshot_seconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400 })),
    /** How long a copy that gets no further is tried again before its pass fails. */
    copy_patience_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
    failover: Type.Optional(
      Type.Object(
        {
          /** How long a target VM may take to run, and for how long it has to be seen running. */
          boot_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
          steady_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
          /** A guest that did not shut down in time is watched for so long: it may still do it. */
          source_settle_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** Verifies volumes in the background; left out: never. */
    scrub: Type.Optional(
      Type.Object(
        {
          /** Of each side. */
          bytes_per_second: Type.Integer({ minimum: 65_536, maximum: Number.MAX_SAFE_INTEGER }),
          /** How long one look at a job may take at that rate; its snapshot stands as long. */
          look_minutes: Type.Integer({ minimum: 1, maximum: 1440 }),
          /** Between the beginnings of two looks at one job. */
          every_minutes: Type.Integer({ minimum: 1, maximum: 525_600 }),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type OmaConfig = Static<typeof OmaConfig>

/** The VMA: works at the source site for one OMA. */
export const VmaConfig = Type.Object(
  {
    role: Type.Literal('vma'),
    log_level: LogLevel,
    worker_id: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
    /** Sockets of readers and short-lived password files; its content is removed at each start. */
    runtime_dir: AbsolutePath,
    oma: Type.Object({ worker_socket: SocketPath }, closed),
    vcenter: Type.Object(
      {
        url: Type.String({ pattern: '^https://', maxLength: 1000 }),
        /** Of vCenter's own certificate, confirmed by an operator. */
        thumbprint_sha256: Type.String({ pattern: '^([0-9A-Fa-f]{2}:?){32}$' }),
        /** Holds `user` and `password`; readable by its owner only. */
        credentials_file: AbsolutePath,
      },
      closed,
    ),
    inventory_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3600 })),
    /** What the source site may be loaded with; may be changed while the VMA runs. */
    limits_file: Type.Optional(AbsolutePath),
    nbdkit: AbsolutePath,
    /** Without it only VMs that are off can be copied. */
    vddk: Type.Optional(
      Type.Object(
        {
          /** `vddk`, or the path of the plugin where it is not installed. */
          plugin: Type.Union([Type.Literal('vddk'), AbsolutePath]),
          library_dir: AbsolutePath,
        },
        closed,
      ),
    ),
  },
  closed,
)
export type VmaConfig = Static<typeof VmaConfig>

/** The volume daemon: the only process that opens devices. */
export const VolumedConfig = Type.Object(
  {
    role: Type.Literal('volumed'),
    log_level: LogLevel,
    api: Type.Object({ socket: SocketPath }, closed),
    /** Where udev links devices by serial: `/dev/disk/by-id`. */
    by_id_dir: AbsolutePath,
    /** Where the names `vol<serial>` of attached volumes go: `/dev/mapper`. */
    names_dir: AbsolutePath,
    /** Keeps the highest fence token of each volume; only its owner may write to it. */
    state_dir: AbsolutePath,
    export_socket_dir: Type.String({ pattern: '^/', maxLength: 60 }),
    /** Keeps what passes write until they are committed and applied; on storage that survives a power cut. */
    staging_dir: AbsolutePath,
    /** Keeps what older recovery points are read through, as durable as the volumes; left out: `undo` in `state_dir`. */
    undo_dir: Type.Optional(AbsolutePath),
    nbdkit: AbsolutePath,
    qemu_nbd: AbsolutePath,
    qemu_img: AbsolutePath,
  },
  closed,
)
export type VolumedConfig = Static<typeof VolumedConfig>

export const AgentConfig = Type.Union([OmaConfig, VmaConfig, VolumedConfig])
export type AgentConfig = Static<typeof AgentConfig>

export const VcenterCredentials = Type.Object({ user: Name, password: Name }, closed)
