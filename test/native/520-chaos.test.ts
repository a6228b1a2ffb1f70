import t from 'tap'
import { copy } from '../../native/copy.js'
import { blocksOf } from '../../native/manifest.js'
import { runChaos } from '../bench/chaos/run.mjs'

void t.test('servers that misbehave by seed never get a wrong byte reported as good', async t => {
  const summary = await runChaos({ seeds: 300, engine: { copy, blocksOf } })
  t.strictSame(summary.complaints, [])
  t.ok(summary.copied > 100, 'most copies get through')
  t.ok(summary.recovered > 10, 'some got over a lost connection')
  t.ok(summary.failed > 10, 'some could not')
})
