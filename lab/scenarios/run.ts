import process from 'node:process'
import { type Cleanup } from '../site/cleanup.js'
import { Checks, type Findings, type Scenario } from './scenario.js'

interface RunOptions {
  readonly dir: string
  readonly cleanup: Cleanup
  /** Ends with one JSON object on standard output; progress goes to standard error then. */
  readonly json: boolean
}

/** Runs one scenario, ends everything it started and gives the exit status: 0 only when every check held. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<number> {
  const { dir, cleanup, json } = options
  const lines = json ? process.stderr : process.stdout
  const startedMs = performance.now()
  const say = (line: string): void => {
    lines.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)}s  ${line}\n`)
  }
  const checks = new Checks(say)
  say(`scenario ${scenario.name}: ${scenario.title}`)
  let findings: Findings = {}
  let error: string | null = null
  try {
    findings = await scenario.run({ dir, say, checks, cleanup })
  } catch (cause) {
    error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    say(`FAIL ${error}`)
  }
  const left = await cleanup.run()
  checks.equal('everything the scenario started could be ended', left, [])
  const ok = error === null && checks.allHold
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1))
  say(`scenario ${scenario.name} ${ok ? 'passed' : 'FAILED'}: ${checks.made.length} checks in ${seconds} s`)
  if (json) {
    const result = { scenario: scenario.name, ok, seconds, error, checks: checks.made, ...findings }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  }
  return ok ? 0 : 1
}
