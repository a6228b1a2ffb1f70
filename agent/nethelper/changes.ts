import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import {
  HostSettings,
  settingProblems,
  type ApplyHostSettings,
  type HostState,
} from '../api/host-settings.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { putFile, textOf } from '../files/durable.js'
import { hostFilePaths, hostNamePath, renderHostFiles } from './render.js'

/** Time that a set clock does not move: since this start of the machine. */
export interface BootClock {
  /** Another one after each start of the machine. */
  readonly bootId: () => Promise<string>
  readonly uptimeMs: () => Promise<number>
}

/** What a change of the files concerns. */
export interface Touched {
  readonly interfaces: readonly string[]
  /** Null: none was set before. */
  readonly hostName: string | null
}

export interface ChangesDeps {
  /** `/etc`. */
  readonly rootDir: string
  readonly stateDir: string
  /** Makes the running machine what the files say. */
  readonly activate: (touched: Touched) => Promise<void>
  readonly clock: BootClock
  readonly logger: Logger
}

/** Written before the first file changes, removed after the change was kept or undone. */
const Pending = Type.Object(
  {
    id: Type.String(),
    settings: HostSettings,
    bootId: Type.String(),
    deadlineUptimeMs: Type.Number(),
    before: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
    settingsBefore: Type.Union([HostSettings, Type.Null()]),
  },
  { additionalProperties: false },
)
type Pending = Static<typeof Pending>

const fileMode = 0o644
const stateMode = 0o600
const retryMs = 5000

/**
 * Changes of the host's settings that come back by themselves. What is pending lies on disk with what was before: a helper
 * that was killed goes on counting, and one that starts on another boot than the change was made on undoes it at once.
 * Calls run one after the other.
 */
export class HostChanges {
  readonly #deps: ChangesDeps
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(deps: ChangesDeps) {
    this.#deps = deps
  }

  /** Takes up what a killed helper or a reboot left. */
  readonly start = (): Promise<void> =>
    this.#inTurn(() => this.#settle()).catch((error: unknown) => {
      if (error instanceof AppError) throw error
      this.#retry(error)
    })

  readonly state = (): Promise<HostState> =>
    this.#inTurn(async () => {
      const pending = await this.#pending()
      const settings = await this.#kept()
      if (pending === null) return { settings, pending: null }
      const leftMs = await this.#leftMs(pending)
      const { id, settings: wanted } = pending
      return {
        settings,
        pending: { id, settings: wanted, secondsLeft: Math.max(0, Math.ceil(leftMs / 1000)) },
      }
    })

  /**
   * Applies settings for a while. Rejects with REQUEST_INVALID for settings that cannot work, HOST_CHANGE_PENDING while
   * another change waits, HOST_APPLY_FAILED when they could not be applied: the old ones are back then.
   */
  readonly apply = (request: ApplyHostSettings): Promise<HostState> =>
    this.#inTurn(async () => {
      const [wrong] = settingProblems(request.settings)
      if (wrong !== undefined) throw new AppError('REQUEST_INVALID', `${wrong.field}: ${wrong.problem}`)
      if ((await this.#pending()) !== null)
        throw new AppError('HOST_CHANGE_PENDING', 'applying host settings')
      const { clock } = this.#deps
      const pending: Pending = {
        id: randomUUID(),
        settings: request.settings,
        bootId: await clock.bootId(),
        deadlineUptimeMs: (await clock.uptimeMs()) + request.confirmWithinSeconds * 1000,
        before: await this.#filesNow(),
        settingsBefore: await this.#kept(),
      }
      await this.#save('pending.json', pending)
      await this.#arm(pending)
      try {
        for (const [path, text] of renderHostFiles(request.settings)) await this.#put(path, text)
        await this.#deps.activate(touchedBy(pending, request.settings.hostName))
      } catch (cause) {
        await this.#undo(pending, 'it could not be applied')
        throw new AppError(
          'HOST_APPLY_FAILED',
          `applying host settings to ${request.settings.interface}`,
          cause,
        )
      }
      this.#deps.logger.info(
        { change: pending.id, seconds: request.confirmWithinSeconds },
        'host change waits',
      )
    }).then(this.state)

  /** Rejects with NOT_FOUND when that change is not waiting (any more). */
  readonly keep = (id: string): Promise<HostState> =>
    this.#inTurn(async () => {
      const pending = await this.#waiting(id)
      if ((await this.#leftMs(pending)) <= 0) {
        await this.#undo(pending, 'its time was over')
        throw new AppError('NOT_FOUND', `host change ${id}: its time was over, it was undone`)
      }
      await this.#save('settings.json', pending.settings)
      await this.#forget()
      this.#deps.logger.info({ change: id }, 'host change kept')
    }).then(this.state)

  readonly undo = (id: string): Promise<HostState> =>
    this.#inTurn(async () => this.#undo(await this.#waiting(id), 'it was asked for')).then(this.state)

  /** Gives the change its time once more, from now. */
  readonly extend = (id: string, seconds: number): Promise<HostState> =>
    this.#inTurn(async () => {
      const pending = await this.#waiting(id)
      const longer = { ...pending, deadlineUptimeMs: (await this.#deps.clock.uptimeMs()) + seconds * 1000 }
      await this.#save('pending.json', longer)
      await this.#arm(longer)
    }).then(this.state)

  /** Ends the timer only: what is pending stays so, and the next start takes it up. */
  readonly close = (): Promise<void> =>
    this.#inTurn(() => {
      clearTimeout(this.#timer)
      return Promise.resolve()
    })

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #settle(): Promise<void> {
    const pending = await this.#pending()
    if (pending === null) return
    const sameBoot = pending.bootId === (await this.#deps.clock.bootId())
    if (!sameBoot) await this.#undo(pending, 'the machine was started anew')
    else if ((await this.#leftMs(pending)) <= 0) await this.#undo(pending, 'its time was over')
    else await this.#arm(pending)
  }

  async #arm(pending: Pending): Promise<void> {
    clearTimeout(this.#timer)
    this.#wakeIn(await this.#leftMs(pending))
  }

  /** An undo that fails is tried again until it succeeds: an unreachable machine can only help itself. */
  #wakeIn(ms: number): void {
    this.#timer = setTimeout(
      () => {
        this.#inTurn(() => this.#settle()).catch((error: unknown) => this.#retry(error))
      },
      Math.max(0, ms),
    )
  }

  #retry(error: unknown): void {
    this.#deps.logger.error({ err: error }, 'undoing a host change failed, trying again')
    this.#wakeIn(retryMs)
  }

  async #undo(pending: Pending, why: string): Promise<void> {
    for (const path of hostFilePaths) await this.#put(path, pending.before[path] ?? null)
    await this.#deps.activate(touchedBy(pending, pending.before[hostNamePath]?.trim() ?? null))
    await this.#forget()
    this.#deps.logger.warn({ change: pending.id, why }, 'host change undone')
  }

  async #forget(): Promise<void> {
    clearTimeout(this.#timer)
    await putFile(join(this.#deps.stateDir, 'pending.json'), null, stateMode)
  }

  async #waiting(id: string): Promise<Pending> {
    const pending = await this.#pending()
    if (pending?.id !== id) throw new AppError('NOT_FOUND', `host change ${id}`)
    return pending
  }

  async #leftMs(pending: Pending): Promise<number> {
    return pending.deadlineUptimeMs - (await this.#deps.clock.uptimeMs())
  }

  async #filesNow(): Promise<Record<string, string | null>> {
    const before: Record<string, string | null> = {}
    for (const path of hostFilePaths) before[path] = await textOf(join(this.#deps.rootDir, path))
    return before
  }

  readonly #put = (path: string, text: string | null): Promise<void> =>
    putFile(join(this.#deps.rootDir, path), text, fileMode)

  readonly #save = (name: string, value: unknown): Promise<void> =>
    putFile(join(this.#deps.stateDir, name), `${JSON.stringify(value)}\n`, stateMode)

  readonly #pending = (): Promise<Pending | null> => this.#load('pending.json', Pending)
  readonly #kept = (): Promise<HostSettings | null> => this.#load('settings.json', HostSettings)

  /** A state that cannot be read is not taken for none: rejects with HOST_STATE_BROKEN. */
  async #load<S extends typeof Pending | typeof HostSettings>(
    name: string,
    schema: S,
  ): Promise<Static<S> | null> {
    const path = join(this.#deps.stateDir, name)
    const text = await textOf(path)
    if (text === null) return null
    const value = parsed(path, text)
    if (!Value.Check(schema, value))
      throw new AppError('HOST_STATE_BROKEN', `${path} is not what this version writes`)
    return value
  }
}

const touchedBy = ({ settings, settingsBefore }: Pending, hostName: string | null): Touched => ({
  interfaces: [...new Set([settings.interface, settingsBefore?.interface ?? settings.interface])],
  hostName,
})

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('HOST_STATE_BROKEN', `${path} is not JSON`, cause)
  }
}
