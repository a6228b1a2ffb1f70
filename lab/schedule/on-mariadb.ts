import { type Logger } from '../../agent/log/logger.js'
import { migrate, openDatabase } from '../../agent/store/database.js'
import { simulateYear, type YearOptions, type YearSummary } from './year.js'

/** Standard output belongs to the result of the scenario. */
const nothing = (): void => undefined
const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }

/** The year on a database that is empty. */
export async function yearOnMariadb(
  server: { readonly socketPath: string; readonly database: string },
  options: Omit<YearOptions, 'db' | 'logger' | 'onDay'>,
  onDay: (day: number) => void,
): Promise<YearSummary> {
  const { socketPath, database } = server
  const db = openDatabase({ socketPath, user: 'root', database, poolSize: 4, onNotice: () => undefined })
  try {
    await migrate(db)
    return await simulateYear({ ...options, db, onDay, logger: silent })
  } finally {
    await db.destroy()
  }
}
