import { Type, type Static } from 'typebox'

const closed = { additionalProperties: false }
const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' })
const Day = Type.Union(
  (['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const).map(day => Type.Literal(day)),
)
/** Left out: not limited. */
const Rate = Type.Optional(Type.Number({ minimum: 0.01, maximum: 100_000 }))
const rates = { read_mib_per_second: Rate, send_mib_per_second: Rate }

/** What the source site may be loaded with; see domain/load-limits.ts. */
export const LimitsFile = Type.Object(
  {
    disks_per_host: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    disks_per_datastore: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    datastore_floor_mib: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 30 })),
    time_zone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    ...rates,
    windows: Type.Optional(
      Type.Array(
        Type.Object(
          {
            days: Type.Array(Day, { minItems: 1, maxItems: 7 }),
            from: TimeOfDay,
            to: TimeOfDay,
            ...rates,
          },
          closed,
        ),
        { maxItems: 100 },
      ),
    ),
  },
  closed,
)
export type LimitsFile = Static<typeof LimitsFile>
