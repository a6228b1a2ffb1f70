import { stat } from 'node:fs/promises'
import { readLimits } from '../config/read.js'
import { type LimitsFile } from '../config/limits-file.js'
import { isTimeZone, usualLimits, type LoadLimits, type Rates } from '../domain/load-limits.js'
import { MIB, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'

/**
 * The limits of a file that an operator may change while the VMA runs. A change that cannot be used leaves those of before:
 * limits are never lifted by a mistake.
 */
export class LiveLimits {
  readonly #path: string | undefined
  readonly #logger: Logger
  #seen = ''
  #current: LoadLimits = usualLimits

  private constructor(path: string | undefined, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  /** Without a path the usual ones hold. Rejects with CONFIG_INVALID. */
  static async open(path: string | undefined, logger: Logger): Promise<LiveLimits> {
    const limits = new LiveLimits(path, logger)
    if (path === undefined) return limits
    limits.#seen = await versionOf(path)
    limits.#current = limitsOf(path, await readLimits(path))
    return limits
  }

  get current(): LoadLimits {
    return this.#current
  }

  /** Reads the file when it is another one than at the last look. */
  async look(): Promise<void> {
    if (this.#path === undefined) return
    const seen = await versionOf(this.#path)
    if (seen === this.#seen) return
    this.#seen = seen
    try {
      this.#current = limitsOf(this.#path, await readLimits(this.#path))
      this.#logger.info({ path: this.#path }, 'the load limits have changed')
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#logger.error({ err: error }, 'the changed load limits cannot be used; those of before hold')
    }
  }
}

/** A file that cannot be looked at is one more version: reading it says why. */
async function versionOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
  }
}

function limitsOf(path: string, file: LimitsFile): LoadLimits {
  const timeZone = file.time_zone ?? usualLimits.timetable.timeZone
  if (!isTimeZone(timeZone))
    throw new AppError('CONFIG_INVALID', `${path}: time_zone ${timeZone} is not a known time zone`)
  const windows = (file.windows ?? []).map(window => ({
    ...ratesOf(window),
    days: window.days,
    fromMinute: minuteOf(window.from),
    toMinute: minuteOf(window.to),
  }))
  return {
    timetable: { timeZone, otherwise: ratesOf(file), windows },
    disksPerHost: file.disks_per_host ?? usualLimits.disksPerHost,
    disksPerDatastore: file.disks_per_datastore ?? usualLimits.disksPerDatastore,
    datastoreFloorBytes:
      file.datastore_floor_mib === undefined
        ? usualLimits.datastoreFloorBytes
        : BigInt(file.datastore_floor_mib) * MIB,
  }
}

const ratesOf = (file: Pick<LimitsFile, 'read_mib_per_second' | 'send_mib_per_second'>): Rates => ({
  read: rateOf(file.read_mib_per_second),
  send: rateOf(file.send_mib_per_second),
})

const rateOf = (mib: number | undefined): Bytes | null =>
  mib === undefined ? null : BigInt(Math.round(mib * Number(MIB)))

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
