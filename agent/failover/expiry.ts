import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'

export interface ExpiryDeps {
  /** Ids of tests whose time is up. */
  readonly expired: () => Promise<readonly string[]>
  readonly admin: {
    readonly close: (id: string, action: 'clean-up', confirmedName: undefined) => Promise<unknown>
  }
  readonly onWork: () => void
  readonly logger: Logger
}

/** Asks for the clean-up of each; one that an operator asked for meanwhile is left to that. */
export async function closeExpired({ expired, admin, onWork, logger }: ExpiryDeps): Promise<void> {
  for (const id of await expired()) {
    try {
      await admin.close(id, 'clean-up', undefined)
      logger.info({ failover: id }, 'the time of a test is up')
      onWork()
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'FAILOVER_STATE') throw error
    }
  }
}
