import { type OperatorClient } from '../../agent/api/client.js'
import { type PassDetailView } from '../../agent/api/schemas.js'
import { until } from './until.js'

const limitMs = 300_000

/** Starts the next pass of a job and waits for its end, told in lines. */
export async function runPass(
  client: OperatorClient,
  job: { readonly id: string; readonly vmName: string },
  say: (line: string) => void,
): Promise<PassDetailView> {
  const { id, number } = await client.startPass(job.id)
  say(`${job.vmName}: pass ${number} started`)
  return waitForPass(client, id, line => say(`${job.vmName}: pass ${number} ${line}`))
}

/** Resolves when nothing of the pass is left to do: committed and cleaned up, or failed and undone. */
export async function waitForPass(
  client: OperatorClient,
  passId: string,
  say: (line: string) => void,
): Promise<PassDetailView> {
  let told = ''
  return until(
    `pass ${passId} ends`,
    async () => {
      const pass = await client.pass(passId)
      const line = progressLine(pass)
      if (line !== told) say(line)
      told = line
      return pass.sagaState === 'done' || pass.sagaState === 'needs-operator' ? pass : undefined
    },
    limitMs,
  )
}

function progressLine(pass: PassDetailView): string {
  const failure = pass.failure === null ? '' : `, ${pass.failure.code}: ${pass.failure.message}`
  const step = pass.steps.find(candidate => candidate.state === 'running' || candidate.state === 'undoing')
  const doing = step === undefined ? '' : `, ${step.state} ${step.name}`
  if (pass.state !== 'copying' || pass.plannedBytes === null) return `is ${pass.state}${doing}${failure}`
  const planned = BigInt(pass.plannedBytes)
  const percent = planned === 0n ? 100n : (BigInt(pass.movedBytes) * 100n) / planned
  return `is copying, ${percent} % of ${planned / 1024n ** 2n} MiB${failure}`
}
