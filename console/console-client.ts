import type { OperatorClient } from '../agent/api/client.js'

/** The part of the operator's API the screens use. */
export type ConsoleClient = Pick<
  OperatorClient,
  | 'status'
  | 'sourceVms'
  | 'jobs'
  | 'job'
  | 'passes'
  | 'pass'
  | 'createJob'
  | 'startPass'
  | 'cancelPass'
  | 'pauseJob'
  | 'resumeJob'
  | 'stopJob'
  | 'allowPasses'
>
