import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { copy } from '../../native/copy.js'
import { NbdError } from '../../native/errors.js'
import { blocksOf } from '../../native/manifest.js'
import { type CopyResult, type Manifest } from '../../native/types.js'
import { MisbehavingServer } from './misbehaving-server.js'
import { type ChaosPlan, planOf } from './plan.js'

export interface ChaosSummary {
  seeds: number
  copied: number
  /** Copied after a lost connection or a failed flush. */
  recovered: number
  failed: number
  /** How often each call failed with each errno. */
  readonly failures: Record<string, number>
  /** Seeds that broke the rule, and how. */
  readonly complaints: string[]
}

type Outcome =
  | { readonly kind: 'copied'; readonly result: CopyResult }
  | { readonly kind: 'failed'; readonly error: unknown }

/**
 * Copies between two servers that misbehave, once for each seed from `firstSeed` on. The rule that all of them must keep:
 * never a wrong byte that is reported as good, be it in a copy that succeeds, below the durable mark of one that fails, in
 * a digest, or outside the extents.
 */
export async function runChaos(options: {
  readonly dir: string
  readonly seeds: number
  readonly firstSeed?: number
  readonly onSeed?: (summary: ChaosSummary) => void
}): Promise<ChaosSummary> {
  const { dir, seeds, firstSeed = 1, onSeed } = options
  const summary: ChaosSummary = { seeds: 0, copied: 0, recovered: 0, failed: 0, failures: {}, complaints: [] }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const { outcome, wrong } = await runSeed(seed, dir)
    summary.seeds += 1
    if (wrong !== undefined) summary.complaints.push(`seed ${seed}: ${wrong}`)
    if (outcome.kind === 'copied') {
      summary.copied += 1
      if (outcome.result.reconnects > 0) summary.recovered += 1
    } else {
      const { error } = outcome
      const word = error instanceof NbdError ? `${error.op} ${error.errno}` : String(error)
      summary.failed += 1
      summary.failures[word] = (summary.failures[word] ?? 0) + 1
    }
    onSeed?.(summary)
  }
  return summary
}

async function runSeed(
  seed: number,
  dir: string,
): Promise<{ readonly outcome: Outcome; readonly wrong: string | undefined }> {
  const plan = planOf(seed)
  const { offers, delayMs } = plan
  const source = new MisbehavingServer({
    content: plan.source,
    holes: plan.holes,
    offers,
    delayMs,
    fault: plan.sourceFault,
    fakeSizeBytes: () => undefined,
  })
  const target = new MisbehavingServer({
    content: plan.target,
    holes: [],
    offers,
    delayMs,
    fault: plan.targetFault,
    fakeSizeBytes: plan.targetSizeBytes,
  })
  const [from, to] = [join(dir, `${seed}-source.sock`), join(dir, `${seed}-target.sock`)]
  await source.listen(from)
  await target.listen(to)
  const outcome = await copyBetween(plan, from, to)
  await source.close()
  await target.close()
  return { outcome, wrong: verdict(plan, target, outcome) }
}

async function copyBetween(plan: ChaosPlan, from: string, to: string): Promise<Outcome> {
  try {
    const result = await copy({
      source: { kind: 'unix', path: from, exportName: '' },
      target: { kind: 'unix', path: to, exportName: '' },
      extents: plan.extents,
      targetIsZero: false,
      mode: plan.mode,
      ...(plan.hashed ? { hash: { algorithm: 'sha256', blockBytes: 65536 } } : {}),
      connections: plan.connections,
      requestBytes: plan.requestBytes,
      depth: plan.depth,
      // A stalled minute, scaled so that thousands of seeds take minutes.
      requestTimeoutMs: 80,
      reconnectWindowMs: 150,
      markIntervalMs: 2,
      progressIntervalMs: 5,
    })
    return { kind: 'copied', result }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function verdict(plan: ChaosPlan, target: MisbehavingServer, outcome: Outcome): string | undefined {
  const untouched = Buffer.alloc(plan.source.length, 0xee)
  if (!outside(plan, target.content).equals(outside(plan, untouched)))
    return 'touched what lies outside the extents'
  if (outcome.kind === 'copied') {
    if (!inside(plan, target.durable).equals(inside(plan, plan.source)))
      return 'reported wrong bytes as copied and durable'
    const { manifest } = outcome.result
    return manifest === undefined || digestsAreRight(plan, manifest) ? undefined : 'gave a wrong digest'
  }
  const { error } = outcome
  if (!(error instanceof NbdError))
    return `failed without a typed error: ${error instanceof Error ? String(error.stack) : String(error)}`
  const below = Number(error.durableBelow)
  return inside(plan, target.durable, below).equals(inside(plan, plan.source, below))
    ? undefined
    : `called bytes below ${below} durable that are not`
}

const inside = (plan: ChaosPlan, bytes: Buffer, below = Infinity): Buffer =>
  Buffer.concat(
    plan.extents.map(({ offset, length }) =>
      bytes.subarray(Number(offset), Math.min(Number(offset + length), Math.max(below, Number(offset)))),
    ),
  )

function outside(plan: ChaosPlan, bytes: Buffer): Buffer {
  const rest = Buffer.from(bytes)
  for (const { offset, length } of plan.extents) rest.fill(0, Number(offset), Number(offset + length))
  return rest
}

function digestsAreRight(plan: ChaosPlan, manifest: Manifest): boolean {
  const expected = Array.from(blocksOf(manifest), ({ offset, length }) =>
    createHash('sha256')
      .update(plan.source.subarray(Number(offset), Number(offset + length)))
      .digest(),
  )
  return Buffer.concat(expected).equals(manifest.digests)
}
