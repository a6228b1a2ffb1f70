import { storeCall, type Database } from './database.js'

interface MoverRow {
  readonly number: number
  readonly places: number | null
}

const own = { number: 1 }

/** What the OMA's file says of its own VM, at each start. */
export const recordOwnPlaces = (db: Database, places: number | null): Promise<void> =>
  storeCall('recording the places of this appliance', async () => {
    await db<MoverRow>('data_movers').where(own).update({ places })
  })

export const ownPlaces = (db: Database): Promise<number | null> =>
  storeCall('reading the places of this appliance', async () => {
    const row = await db<MoverRow>('data_movers').where(own).first()
    if (row === undefined) throw new Error('the appliance is no data mover')
    return row.places
  })
