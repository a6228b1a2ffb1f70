/** Aborts when the caller is gone. */
export function hangUp(reply: { once: (event: 'close', listener: () => void) => unknown }): AbortSignal {
  const gone = new AbortController()
  reply.once('close', () => gone.abort(new Error('the caller hung up')))
  return gone.signal
}
