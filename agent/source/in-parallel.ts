/**
 * Does the work for each item, `limit` at a time; results in the order of the items. The first failure aborts the others,
 * and only when all have ended does it reject with that failure.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const failing = new AbortController()
  const either = AbortSignal.any([signal, failing.signal])
  let failure: { readonly error: unknown } | undefined
  let next = 0
  const lane = async (): Promise<void> => {
    for (;;) {
      const index = next
      const item = items[index]
      if (item === undefined || failure !== undefined) return
      next += 1
      try {
        either.throwIfAborted()
        results[index] = await work(item, either)
      } catch (error) {
        failure ??= { error }
        failing.abort(new Error('another item failed'))
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, lane))
  if (failure !== undefined) throw failure.error
  return results
}
