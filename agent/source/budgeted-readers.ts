import { type DiskBudget } from './disk-budget.js'
import { type DiskReaders } from './deps.js'

/** Readers that wait for a place on the host and the datastore of their disk, and hold it until they are closed. */
export function budgetedReaders(readers: DiskReaders, budget: DiskBudget): DiskReaders {
  return {
    open: async (request, signal) => {
      const place = { host: request.host ?? 'unknown', datastore: datastoreOf(request.fileName) }
      const leave = await budget.enter(place, signal)
      try {
        const reader = await readers.open(request, signal)
        return {
          ...reader,
          close: async () => {
            await reader.close()
            leave()
          },
        }
      } catch (error) {
        leave()
        throw error
      }
    },
  }
}

/** Of a path such as `[datastore1] web/web.vmdk`. */
const datastoreOf = (fileName: string): string => /^\[([^\]]*)\]/.exec(fileName)?.[1] ?? ''
