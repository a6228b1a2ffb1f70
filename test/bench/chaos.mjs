// `npm run bench -- chaos --seeds 10000 --first 1`: the last line is the summary as JSON; ends with 1 on any complaint.
import { parseArgs } from 'node:util'
import { runChaos } from './chaos/run.mjs'

export async function main() {
  const options = {
    seeds: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  }
  const { values } = parseArgs({ allowPositionals: true, options })
  const summary = await runChaos({
    seeds: Number(values.seeds),
    firstSeed: Number(values.first),
    onProgress: ({ seeds, complaints }) => {
      if (seeds % 1000 === 0) process.stderr.write(`${seeds} seeds, ${complaints.length} complaints\n`)
    },
  })
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  process.exitCode = summary.complaints.length === 0 ? 0 : 1
}
