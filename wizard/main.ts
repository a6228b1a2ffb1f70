import { mkdir, readFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { AppError, errorTable } from '../agent/errors.js'
import { isTier, tiers, type Tier } from '../console/tier.js'
import { answersFromOvf, answersFromToml, completeAnswers } from './answers.js'
import { carryOut } from './effects.js'
import { helperLink } from './helper-link.js'
import { runWizard } from './program.js'
import { WizardStore } from './store.js'

const usage = `usage: wizard --state-dir DIR --result-dir DIR [--nethelper SOCKET]
              [--answers FILE | --ovf-env FILE | --tier ${tiers.join('|')}]`
/** As sysexits.h has them: EX_USAGE, EX_DATAERR, EX_SOFTWARE. */
const status = { usage: 64, answers: 65, failed: 70 } as const

interface Options {
  readonly stateDir: string
  readonly resultDir: string
  readonly helperSocket: string | null
  readonly answersFile: string | null
  readonly ovfFile: string | null
  readonly tier: Tier | null
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): Options | string {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        'state-dir': text,
        'result-dir': text,
        nethelper: text,
        answers: text,
        'ovf-env': text,
        tier: text,
      },
    })
    const { tier } = values
    if (values['state-dir'] === undefined || values['result-dir'] === undefined)
      return '--state-dir and --result-dir are needed'
    if (values.answers !== undefined && values['ovf-env'] !== undefined)
      return '--answers and --ovf-env exclude each other'
    if (tier !== undefined && !isTier(tier)) return 'there is no tier of that name'
    return {
      stateDir: values['state-dir'],
      resultDir: values['result-dir'],
      helperSocket: values.nethelper ?? null,
      answersFile: values.answers ?? null,
      ovfFile: values['ovf-env'] ?? null,
      tier: tier ?? null,
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** First boot: asks a person, or takes the answers from a file. Gives the exit status. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    process.stderr.write(`wizard: ${options}\n${usage}\n`)
    return status.usage
  }
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 })
  await mkdir(options.resultDir, { recursive: true, mode: 0o755 })
  const store = new WizardStore(options.stateDir, options.resultDir)
  const helper = options.helperSocket === null ? null : helperLink(options.helperSocket)
  const file = options.answersFile ?? options.ovfFile
  if (file === null) return runWizard({ store, helper }, options.tier)

  const text = await readFile(file, 'utf8')
  const complete = completeAnswers(options.ovfFile === null ? answersFromToml(text) : answersFromOvf(text))
  if (!complete.ok) {
    process.stderr.write(`wizard: the answers are not complete; nothing was set\n`)
    for (const problem of complete.problems) process.stderr.write(`  ${problem}\n`)
    return status.answers
  }
  await store.save('unattended', complete.answers)
  // Nobody is there to keep the network settings: whoever wrote the answers confirmed them.
  const finished = await carryOut({ store, helper }, { kind: 'finish', answers: complete.answers })
  const pending = finished.kind === 'finished' ? (finished.host?.pending ?? null) : null
  const last =
    pending === null ? finished : await carryOut({ store, helper }, { kind: 'keep', id: pending.id })
  if (last.kind !== 'failed') return 0
  process.stderr.write(`wizard: ${last.text}\n`)
  return status.failed
}

function complain(error: unknown): number {
  if (!(error instanceof AppError)) throw error
  process.stderr.write(`wizard: ${error.code}: ${error.message}\n${errorTable[error.code].next}\n`)
  return status.failed
}

process.exit(await main().catch(complain))
