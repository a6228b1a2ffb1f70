import { type Timing } from '../cloudstack/connection.js'

/** A command whose answer was lost is looked for twice, so far apart, before it is sent again. */
const defaultSettleSeconds = 30

export const cloudstackTiming = (settleSeconds = defaultSettleSeconds): Timing => ({
  timeoutMs: 30_000,
  jobPollMs: 500,
  // The longest jobs, snapshots of large volumes, are waited for again by their saga.
  jobLimitMs: 300_000,
  readTries: 3,
  retryFirstMs: 500,
  lookMs: 1000,
  settleMs: settleSeconds * 1000,
  breaker: { failuresToOpen: 5, openMs: 5000, maxOpenMs: 60_000, refusedMs: 60_000 },
})
