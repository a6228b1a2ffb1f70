// Copies between two servers that misbehave by seed, and the one rule all of it must keep: never a wrong byte that is
// reported as good.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sequence } from '../copy/images.mjs'
import { ChaosServer } from './server.mjs'

const mildFaults = {
  read: ['split', 'drop', 'short', 'twice', 'EIO', 'stall', 'ESHUTDOWN'],
  write: ['drop', 'crash', 'EIO', 'ENOSPC', 'stall'],
  zero: ['ENOTSUP', 'ENOTSUP', 'drop', 'crash', 'EIO'],
  flush: ['flush-loss', 'flush-loss', 'drop', 'crash', 'stall'],
  status: ['EIO', 'EINVAL', 'drop'],
}

/** Everything one seed decides. */
function planOf(seed) {
  const pick = sequence(seed)
  for (let i = 0; i < 4; i += 1) pick(2)
  const size = 4096 + pick(900_000)
  const source = Buffer.alloc(size)
  const holes = []
  for (let at = 0; at < size;) {
    const length = Math.min(size - at, 1 + pick(pick(2) === 0 ? 9000 : 150_000))
    const kind = pick(4)
    if (kind === 0) holes.push({ offset: at, length })
    else if (kind !== 1) for (let i = at; i < at + length; i += 1 + pick(3)) source[i] = 1 + pick(255)
    at += length
  }
  const extents = []
  for (let at = pick(2) === 0 ? 0 : pick(5000); at < size;) {
    const length = pick(3) === 0 ? size - at : Math.min(size - at, 1 + pick(200_000))
    extents.push({ offset: BigInt(at), length: BigInt(length) })
    at += length + pick(2) * pick(60_000)
  }
  const faultsOn = () => (pick(3) === 0 ? 0 : [0.4, 2, 6][pick(3)])
  return {
    pick,
    source,
    holes,
    extents,
    target: Buffer.alloc(size, 0xee),
    sourceFaultPercent: faultsOn(),
    targetFaultPercent: faultsOn(),
    maxFaults: 1 + pick(4),
    slow: pick(3) === 0,
    flags: { zero: pick(4) !== 0, fastZero: pick(2) === 0, map: pick(4) !== 0 },
    multi: pick(3) !== 0,
    lies: pick(12) === 0,
    options: {
      mode: pick(4) === 0 ? 'compare' : 'copy',
      targetIsZero: false,
      connections: 1 + pick(3),
      requestBytes: 4096 << pick(5),
      depth: 1 + pick(8),
      requestTimeoutMs: 80,
      reconnectWindowMs: 150,
      markIntervalMs: 2,
      progressIntervalMs: 5,
      ...(pick(3) === 0 ? { hash: { algorithm: 'sha256', blockBytes: 65536 } } : {}),
    },
  }
}

function faultsOf(plan, percent) {
  let left = plan.maxFaults
  return command => {
    if (left === 0 || plan.pick(1000) >= percent * 10) return undefined
    left -= 1
    const list = mildFaults[command]
    return list[plan.pick(list.length)]
  }
}

const inExtents = (plan, bytes, below = Infinity) => {
  const parts = plan.extents.map(({ offset, length }) =>
    bytes.subarray(Number(offset), Math.min(Number(offset + length), Math.max(below, Number(offset)))),
  )
  return Buffer.concat(parts)
}

function outside(plan, bytes) {
  const rest = Buffer.from(bytes)
  for (const { offset, length } of plan.extents) rest.fill(0, Number(offset), Number(offset + length))
  return rest
}

function wrongManifest(plan, manifest, blocksOf) {
  let at = 0
  for (const { offset, length } of blocksOf(manifest)) {
    const bytes = plan.source.subarray(Number(offset), Number(offset + length))
    const expected = createHash('sha256').update(bytes).digest()
    if (!expected.equals(manifest.digests.subarray(at, at + 32))) return true
    at += 32
  }
  return at !== manifest.digests.length
}

function verdict(plan, target, outcome, blocksOf) {
  if (!outside(plan, target.content).equals(outside(plan, Buffer.alloc(plan.source.length, 0xee))))
    return 'touched what lies outside the extents'
  if (outcome.error === undefined) {
    if (!inExtents(plan, target.durable).equals(inExtents(plan, plan.source)))
      return 'reported wrong bytes as copied and durable'
    const { manifest } = outcome.result
    if (manifest !== undefined && wrongManifest(plan, manifest, blocksOf)) return 'gave a wrong digest'
    return undefined
  }
  if (outcome.error.name !== 'NbdError') return `failed with ${String(outcome.error.stack)}`
  const below = Number(outcome.error.durableBelow)
  return inExtents(plan, target.durable, below).equals(inExtents(plan, plan.source, below))
    ? undefined
    : `called bytes below ${below} durable that are not`
}

async function runSeed(seed, dir, { copy, blocksOf }) {
  const plan = planOf(seed)
  const delayMs = () => (plan.slow && plan.pick(4) === 0 ? plan.pick(4) : 0)
  const shape = { delayMs, multi: plan.multi, flags: plan.flags }
  let opened = 0
  const fakeSize = () => (plan.lies && (opened += 1) > 1 ? 512 : undefined)
  const source = new ChaosServer({
    ...shape,
    content: plan.source,
    holes: plan.holes,
    fault: faultsOf(plan, plan.sourceFaultPercent),
  })
  const target = new ChaosServer({
    ...shape,
    content: plan.target,
    fault: faultsOf(plan, plan.targetFaultPercent),
    fakeSize,
  })
  const [from, to] = [join(dir, `${seed}-s`), join(dir, `${seed}-t`)]
  await source.listen(from)
  await target.listen(to)
  const unix = path => ({ kind: 'unix', path, exportName: '' })
  const request = { source: unix(from), target: unix(to), extents: plan.extents, ...plan.options }
  const outcome = await copy(request).then(
    result => ({ result }),
    error => ({ error }),
  )
  await source.close()
  await target.close()
  const wrong = verdict(plan, target, outcome, blocksOf)
  return {
    wrong: wrong === undefined ? undefined : `seed ${seed}: ${wrong}`,
    failedWith: outcome.error === undefined ? undefined : `${outcome.error.op} ${outcome.error.errno}`,
    recovered: outcome.result !== undefined && outcome.result.reconnects > 0,
  }
}

/**
 * Runs `seeds` copies from `firstSeed` on. `complaints` is empty when every one gave either the right data or a typed
 * error; `copied`, `failed` and `recovered` (copied after a reconnect) count how they ended.
 */
export async function runChaos({ seeds, firstSeed = 1, onProgress, engine }) {
  const dir = mkdtempSync(join(tmpdir(), 'ossea-chaos-'))
  const summary = { seeds: 0, copied: 0, failed: 0, recovered: 0, complaints: [], failures: {} }
  const chosen = engine ?? {
    ...(await import('../../../dist/native/copy.js')),
    ...(await import('../../../dist/native/manifest.js')),
  }
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      const one = await runSeed(seed, dir, chosen)
      summary.seeds += 1
      if (one.wrong !== undefined) summary.complaints.push(one.wrong)
      if (one.failedWith === undefined) summary.copied += 1
      else {
        summary.failed += 1
        summary.failures[one.failedWith] = (summary.failures[one.failedWith] ?? 0) + 1
      }
      if (one.recovered) summary.recovered += 1
      onProgress?.(summary)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return summary
}
