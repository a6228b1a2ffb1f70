import { runChaos } from '../mover/chaos.js'
import { type Scenario } from './scenario.js'

const seeds = 10_000

/** The copy engine between servers that break every rule of the protocol, by seed. */
export const moverChaos: Scenario = {
  name: 'mover-chaos',
  title: `the copy engine against misbehaving servers, ${seeds} seeds`,
  run: async ({ dir, say, checks }) => {
    const summary = await runChaos({
      dir,
      seeds,
      onSeed: ({ seeds: done, complaints }) => {
        if (done % 1000 === 0) say(`${done} seeds, ${complaints.length} complaints`)
      },
    })
    checks.equal('seeds that reported a wrong byte as good', summary.complaints, [])
    checks.that(
      'most copies get through',
      summary.copied > seeds / 3,
      `${summary.copied} of ${summary.seeds}`,
    )
    checks.that('some get over what happened', summary.recovered > seeds / 100, String(summary.recovered))
    checks.that('some end with a typed error', summary.failed > seeds / 100, String(summary.failed))
    return { ...summary }
  },
}
