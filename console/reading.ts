import type { Static, TSchema } from 'typebox'
import Compile from 'typebox/compile'
import Value from 'typebox/value'
import type { ConsoleClient } from './console-client.js'
import {
  JobDetailView,
  JobList,
  PassDetailView,
  PassList,
  SourceVmList,
  StatusView,
  type SourceVmView,
} from '../agent/api/schemas.js'
import { AppError } from '../agent/errors.js'
import type { PartReply, Reading } from './event.js'
import { failureFromError } from './failure.js'
import type { Failure } from './part.js'
import type { PartRequest } from './state.js'

/** More pages than any inventory has: an agent that pages in a circle is not followed for ever. */
const maxPages = 100

const strange = (what: string): Failure => ({
  code: 'INTERNAL_BUG',
  sentence: `The agent described ${what} in a way this console does not understand.`,
  message: 'agent and console may be of different versions',
  next: 'Start the console again; if it stays, restart the agent and send its log to support.',
})

/**
 * Runs one reading. A refusal, or an answer that does not fit the contract, is a result; a silent agent (LinkError)
 * rejects, because then nothing else would be answered either.
 */
export async function readChecked<Schema extends TSchema>(
  what: string,
  schema: Schema,
  ask: () => Promise<unknown>,
  fits = (value: unknown): value is Static<Schema> => Value.Check(schema, value),
): Promise<Reading<Static<Schema>>> {
  try {
    const value = await ask()
    return fits(value) ? { ok: true, value } : { ok: false, failure: strange(what) }
  } catch (error) {
    if (error instanceof AppError) return { ok: false, failure: failureFromError(error) }
    throw error
  }
}

/** Compiled, it takes a twentieth: 5,000 VMs in 7 ms, during which no key is heard. */
const inventoryPage = Compile(SourceVmList)

/** All pages of the inventory. */
async function inventory(
  client: ConsoleClient,
  signal: AbortSignal,
): Promise<Reading<readonly SourceVmView[]>> {
  const items: SourceVmView[] = []
  let after: string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const part = await readChecked(
      'the inventory',
      SourceVmList,
      () => client.sourceVms(after, signal),
      value => inventoryPage.Check(value),
    )
    if (!part.ok) return part
    items.push(...part.value.items)
    if (part.value.next === null) break
    after = part.value.next
  }
  return { ok: true, value: items }
}

/** Reads one part. Rejects with LinkError when the agent is away. */
export async function readPart(
  client: ConsoleClient,
  part: PartRequest,
  signal: AbortSignal,
): Promise<PartReply> {
  const { name, key } = part
  switch (name) {
    case 'status':
      return { name, key, reading: await readChecked('its status', StatusView, () => client.status(signal)) }
    case 'vms':
      return { name, key, reading: await inventory(client, signal) }
    case 'jobs': {
      const jobs = await readChecked('the jobs', JobList, async () => ({ items: await client.jobs(signal) }))
      return { name, key, reading: jobs.ok ? { ok: true, value: jobs.value.items } : jobs }
    }
    case 'job':
      return {
        name,
        key,
        reading: await readChecked('the job', JobDetailView, () => client.job(key, signal)),
      }
    case 'passes': {
      const passes = await readChecked('the passes', PassList, async () => ({
        items: await client.passes(key, signal),
      }))
      return { name, key, reading: passes.ok ? { ok: true, value: passes.value.items } : passes }
    }
    case 'pass':
      return {
        name,
        key,
        reading: await readChecked('the pass', PassDetailView, () => client.pass(key, signal)),
      }
  }
}
