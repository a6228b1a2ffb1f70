import { Child } from './child.js'
import { type Mariadb } from './mariadb.js'
import { until } from './until.js'

/** An event of a saga's step log, about to be saved. */
export interface SagaMoment {
  readonly step: string
  readonly kind: 'started' | 'succeeded'
}

const lockName = 'lab-hold'
const limitMs = 60_000

/**
 * Holds the agent in the statement that saves one event of a step: before `started` nothing of the step has happened, before
 * `succeeded` all of it has and nobody knows. The database does it, by a trigger; the product has no part in it.
 */
export class SagaHold {
  readonly #mariadb: Mariadb
  readonly #holder: Child

  private constructor(mariadb: Mariadb, holder: Child) {
    this.#mariadb = mariadb
    this.#holder = holder
  }

  static async arm(mariadb: Mariadb, { step, kind }: SagaMoment, logPath: string): Promise<SagaHold> {
    const holder = await Child.start(
      'the holder of the lock',
      [
        '/usr/bin/mariadb',
        '--no-defaults',
        `--socket=${mariadb.socketPath}`,
        '-e',
        `SELECT GET_LOCK('${lockName}', 10), SLEEP(600)`,
      ],
      logPath,
    )
    await until('the lock is held', async () => (await isHeld(mariadb)) || undefined, limitMs)
    await mariadb.query(
      `DELIMITER //
       CREATE OR REPLACE TRIGGER ossea.lab_hold BEFORE INSERT ON ossea.saga_events FOR EACH ROW
       BEGIN
         IF NEW.step = '${step}' AND NEW.kind = '${kind}' THEN
           WHILE IS_USED_LOCK('${lockName}') IS NOT NULL DO DO SLEEP(0.02); END WHILE;
         END IF;
       END//`,
    )
    return new SagaHold(mariadb, holder)
  }

  /** Resolves when the agent is held. */
  reached(): Promise<true> {
    return until(
      'the agent is held',
      async () => {
        const rows = await this.#mariadb.query(
          `SELECT id FROM information_schema.processlist
            WHERE state = 'User sleep' AND info NOT LIKE 'SELECT GET_LOCK(%'`,
        )
        return rows.length > 0 ? true : undefined
      },
      limitMs,
    )
  }

  /** Lets the agent go on, if it still lives. */
  async release(): Promise<void> {
    await this.#holder.end('SIGKILL')
    // The server notices that its client has gone at the end of the statement only.
    for (const id of await this.#mariadb.query(
      `SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT GET_LOCK(%'`,
    ))
      await this.#mariadb.query(`KILL ${id}`)
  }

  async disarm(): Promise<void> {
    await this.release()
    await this.#mariadb.query('DROP TRIGGER IF EXISTS ossea.lab_hold')
  }
}

const isHeld = async (mariadb: Mariadb): Promise<boolean> =>
  (await mariadb.query(`SELECT IS_USED_LOCK('${lockName}') IS NOT NULL`))[0] === '1'
