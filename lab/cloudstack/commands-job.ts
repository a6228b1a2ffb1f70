import { parameterError } from './api-error.js'
import { type Call, type Command, type Outcome } from './command.js'
import { jobFields } from './jobs.js'
import { dates, id, needed, ownedListParameters, texts } from './parameters.js'

const owner = ({ cloud }: Call) => ({ accountId: cloud.site.account.id, userId: cloud.site.userId })

function queryAsyncJobResult(call: Call): Outcome {
  const job = call.cloud.jobs.find(call.args.given('jobid'))
  if (job === undefined) throw parameterError(`Unable to find a job by id ${call.args.given('jobid')}`)
  return { kind: 'fields', fields: jobFields(job, owner(call)) }
}

function listAsyncJobs(call: Call): Outcome {
  const start = call.args.text('startdate')
  const jobs = call.cloud.jobs.all.filter(
    job => start === undefined || job.created.toISOString().slice(0, start.length) >= start,
  )
  return { kind: 'list', objectName: 'asyncjobs', items: jobs.map(job => jobFields(job, owner(call))) }
}

export const jobCommands: readonly Command[] = [
  {
    name: 'queryAsyncJobResult',
    description: 'Retrieves the current status of asynchronous job.',
    parameters: [needed(id('jobid', 'job'))],
    run: queryAsyncJobResult,
  },
  {
    name: 'listAsyncJobs',
    description: 'Lists all pending asynchronous jobs for the account.',
    parameters: [
      ...dates('startdate'),
      ...texts('resourceid', 'resourcetype', 'managementserverid'),
      ...ownedListParameters,
    ],
    run: listAsyncJobs,
  },
]
