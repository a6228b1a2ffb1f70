import { join } from 'node:path'
import t from 'tap'
import { runChaos } from '../../lab/mover/chaos.js'
import { type Fault } from '../../lab/mover/fault.js'
import { MisbehavingServer } from '../../lab/mover/misbehaving-server.js'
import { copy } from '../../native/copy.js'
import { temporaryDir } from '../lib/nbdkit.js'

void t.test('servers that misbehave by seed never get a wrong byte reported as good', async t => {
  const summary = await runChaos({ dir: await temporaryDir(t), seeds: 300 })
  t.strictSame(summary.complaints, [])
  t.ok(summary.copied > 100, 'most copies get through')
  t.ok(summary.recovered > 10, 'some got over a lost connection')
  t.ok(summary.failed > 10, 'some could not')
})

void t.test('a source that never answers about its map ends the copy, typed and in time', async t => {
  const dir = await temporaryDir(t)
  const serve = async (name: string, fault: () => Fault | undefined) => {
    const server = new MisbehavingServer({
      content: Buffer.alloc(1024 * 1024, 0x21),
      holes: [],
      offers: { zero: true, fastZero: true, map: true, multi: false },
      fault,
      delayMs: () => 0,
      fakeSizeBytes: () => undefined,
    })
    const path = join(dir, name)
    await server.listen(path)
    t.teardown(async () => server.close())
    return { kind: 'unix', path, exportName: '' } as const
  }
  const source = await serve('source', () => 'stall')
  const target = await serve('target', () => undefined)
  const extents = [{ offset: 0n, length: 1024n * 1024n }]
  const limits = { requestTimeoutMs: 300, reconnectWindowMs: 1000 }
  await t.rejects(copy({ source, target, extents, targetIsZero: false, ...limits }), {
    name: 'NbdError',
    op: 'nbd_block_status',
    errno: 'ETIMEDOUT',
    side: 'source',
    durableBelow: 0n,
  })
})
