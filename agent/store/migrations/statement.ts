import { type Knex } from 'knex'

/** One schema migration: a name the database remembers, and one statement that may run twice. */
export const statement = (name: string, sql: string) => ({
  name,
  up: async (db: Knex): Promise<void> => {
    await db.raw(sql)
  },
})

/** Text compares byte by byte: ids and names of another case are others. */
export const tableOptions = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin'
