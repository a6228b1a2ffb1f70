/** What a VM is made of, as far as a twin of it has to be made alike. Keys are those vSphere gives its devices. */
export interface Hardware {
  /** Null where the server does not tell. */
  readonly cpuCount: number | null
  readonly coresPerSocket: number | null
  readonly memoryMib: number | null
  readonly firmware: string
  readonly secureBoot: boolean
  readonly hardwareVersion: string
  readonly guestId: string
  readonly guestName: string
  readonly tools: {
    readonly state: 'running' | 'not-running' | 'not-installed' | 'unknown'
    readonly version: string | null
  }
  readonly controllers: readonly {
    readonly key: string
    readonly type: string
    readonly label: string
    readonly busNumber: number | null
    readonly sharedBus: string | null
  }[]
  readonly nics: readonly {
    readonly key: string
    readonly label: string
    readonly type: string
    readonly macAddress: string
    /** A name, or the key of a distributed port group. */
    readonly network: string
  }[]
  readonly disks: readonly {
    readonly key: string
    readonly label: string
    readonly capacityBytes: string
    readonly controllerKey: string
    readonly unitNumber: number | null
    readonly backingUuid: string
  }[]
}

/** One field that differs; null on the side that does not have it. */
export interface HardwareDifference {
  /** Such as `memoryMib` or `disks[2000].unitNumber`. */
  readonly field: string
  readonly from: string | null
  readonly to: string | null
}

/** Only what differs, in the order of the fields' names. Devices are compared by key, so their order does not count. */
export function hardwareDifferences(from: Hardware, to: Hardware): HardwareDifference[] {
  const [before, after] = [fieldsOf(from), fieldsOf(to)]
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names
    .map(field => ({ field, from: before.get(field) ?? null, to: after.get(field) ?? null }))
    .filter(difference => difference.from !== difference.to)
}

function fieldsOf({ tools, controllers, nics, disks, ...simple }: Hardware): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const put = (prefix: string, object: object): void => {
    for (const [name, value] of Object.entries(object))
      if (value !== null) fields.set(`${prefix}${name}`, String(value))
  }
  put('', simple)
  put('tools.', tools)
  for (const device of controllers) put(`controllers[${device.key}].`, device)
  for (const device of nics) put(`nics[${device.key}].`, device)
  for (const device of disks) put(`disks[${device.key}].`, device)
  return fields
}
