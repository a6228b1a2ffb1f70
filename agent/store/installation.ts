import { storeCall, type Database } from './database.js'

/** Names this installation for good: what it makes elsewhere carries the name, and a restored database has the same one. */
export const installationId = (db: Database): Promise<string> =>
  storeCall('reading the id of this installation', async () => {
    const row = await db<{ readonly id: number; readonly uuid: string }>('installation')
      .where({ id: 1 })
      .first()
    if (row === undefined) throw new Error('the installation has no id')
    return row.uuid
  })
