// What staging costs. `apply`: an overlay applied to its volume against dd of the same bytes; the ratio is dd's time by
// ours, above 1 apply is faster. `pass`: source to volume at a limited rate, directly and staged (copied, read back,
// applied); the ratio is the staged time by the direct one. Interleaved rounds, the median of the ratios.
// `--json` leaves out the table; `--rounds N`, `--mib N` and `--rate MIB` (in a second) change the run; `--dir` is where
// overlays and volumes lie.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { applyOverlay, keepNothing, sealOverlay } from '../../dist/agent/volumes/apply-overlay.js'
import { VolumeExports } from '../../dist/agent/volumes/exports.js'
import { removeOverlay } from '../../dist/agent/volumes/overlay-image.js'
import { overlayPath } from '../../dist/agent/volumes/overlay-places.js'
import { copy } from '../../dist/native/copy.js'

const mib = 1024 * 1024
const serial = '0123456789abcdef0123'
const never = new AbortController().signal
const nothing = () => undefined
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }

function settings() {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      mib: { type: 'string', default: '512' },
      rate: { type: 'string', default: '100' },
      dir: { type: 'string', default: tmpdir() },
    },
  })
  return {
    json: values.json,
    rounds: Number(values.rounds),
    sizeMib: Number(values.mib),
    rate: Number(values.rate),
    dir: values.dir,
  }
}

/** A volume of twice the size of what changes, and a source: a file of random bytes. */
function prepare({ dir, sizeMib }) {
  for (const name of ['by-id', 'sockets', 'state', 'staging']) mkdirSync(join(dir, name))
  const source = join(dir, 'source.img')
  const file = openSync(source, 'w')
  for (let at = 0; at < sizeMib; at += 1) writeSync(file, randomBytes(mib))
  closeSync(file)
  truncateSync(source, 2 * sizeMib * mib)
  const volume = join(dir, 'volume.img')
  execFileSync('/usr/bin/dd', [
    'if=/dev/zero',
    `of=${volume}`,
    'bs=4M',
    `count=${sizeMib / 2}`,
    'status=none',
  ])
  symlinkSync(volume, join(dir, 'by-id', `virtio-${serial}`))
  const options = {
    byIdDir: join(dir, 'by-id'),
    socketDir: join(dir, 'sockets'),
    stateDir: join(dir, 'state'),
    nbdkitPath: '/usr/bin/nbdkit',
    staging: {
      dir: join(dir, 'staging'),
      qemuNbdPath: '/usr/bin/qemu-nbd',
      qemuImgPath: '/usr/bin/qemu-img',
    },
    startTimeoutMs: 10_000,
    preserve: keepNothing,
    logger,
  }
  return { source, volume, options, exports: new VolumeExports(options) }
}

const seconds = async work => {
  const started = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - started) / 1000 }
}

let passes = 0
const nextPass = () => `00000000-0000-4000-8000-${String((passes += 1)).padStart(12, '0')}`
let fence = 0n

async function move(stand, { sizeMib, rate }, pass) {
  const target = await stand.exports.open(serial, 0n, (fence += 1n), pass)
  await copy({
    source: {
      kind: 'command',
      argv: ['/usr/bin/nbdkit', '-s', '--exit-with-parent', '-r', 'file', stand.source],
    },
    target: { kind: 'unix', path: target.socket, exportName: target.exportName },
    extents: [{ offset: 0n, length: BigInt(sizeMib * mib) }],
    targetIsZero: false,
    markIntervalMs: 250,
    ...(rate === undefined ? {} : { bytesPerSecond: BigInt(rate * mib) }),
  })
  await stand.exports.close(serial, (fence += 1n))
}

async function stagedPass(stand, chosen) {
  const pass = nextPass()
  const name = { serial, pass }
  const moved = await seconds(() => move(stand, chosen, pass))
  const diskBytes = BigInt(chosen.sizeMib * mib)
  const sealed = await seconds(() => sealOverlay(stand.options, name, diskBytes, nothing, never))
  const order = { digest: sealed.result.digest, diskBytes, isTrusted: true }
  const applied = await seconds(() => applyOverlay(stand.options, name, order, nothing, never))
  await removeOverlay(overlayPath(stand.options.staging.dir, name))
  return { copy: moved.seconds, seal: sealed.seconds, apply: applied.seconds }
}

/** The same bytes onto the same place of the volume, durable at the end. */
const dd = stand => () =>
  Promise.resolve(
    execFileSync('/usr/bin/dd', [
      `if=${stand.source}`,
      `of=${stand.volume}`,
      'bs=4M',
      `count=${stand.blocks}`,
      'conv=notrunc,fsync',
      'status=none',
    ]),
  )

const median = list => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
const rounded = number => Math.round(number * 1000) / 1000

export async function main() {
  const chosen = settings()
  const dir = mkdtempSync(join(chosen.dir, 'ossea-bench-'))
  try {
    const stand = { ...prepare({ dir, sizeMib: chosen.sizeMib }), blocks: chosen.sizeMib / 4 }
    const rounds = []
    await stagedPass(stand, { sizeMib: chosen.sizeMib })
    for (let round = 0; round < chosen.rounds; round += 1) {
      const plain = await seconds(dd(stand))
      const staged = await stagedPass(stand, chosen)
      const direct = await seconds(() => move(stand, chosen, undefined))
      const again = await seconds(dd(stand))
      const whole = staged.copy + staged.seal + staged.apply
      rounds.push({
        ddSeconds: (plain.seconds + again.seconds) / 2,
        ...staged,
        direct: direct.seconds,
        apply_by_dd: (plain.seconds + again.seconds) / 2 / staged.apply,
        copied_by_direct: staged.copy / direct.seconds,
        committed_by_direct: (staged.copy + staged.seal) / direct.seconds,
        whole_by_direct: whole / direct.seconds,
      })
    }
    await stand.exports.closeAll()
    const result = Object.fromEntries(
      Object.keys(rounds[0]).map(key => [key, rounded(median(rounds.map(one => one[key])))]),
    )
    if (!chosen.json) process.stderr.write(`${JSON.stringify(result, null, 2)}\n`)
    process.stdout.write(
      `${JSON.stringify({ bench: 'staging', ...chosen, dir: undefined, medians: result })}\n`,
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
