import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static } from 'typebox'
import { type OpenedExport } from '../../agent/api/volumed.js'
import { daemonLink } from '../site/daemon-link.js'
import { runPass, waitForPass } from '../site/passes.js'
import { findServers } from '../site/processes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { operate, volumeOf } from '../site/volume-operations.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const GIB = 1024n * MIB
const pattern = 0xab

const ledger: VmSpec = {
  name: 'ledger',
  disks: [{ sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] }],
}

type Opened = Static<typeof OpenedExport>

/** Whoever lost a volume cannot write to it, whatever it still holds: a token, a name, an open connection. */
export const exportsFencing: Scenario = {
  name: 'exports-fencing',
  title: 'old tokens, old names, a paused writer and a paused VMA: no byte of theirs arrives',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [ledger], writer: null, leaseSeconds: 4 })
    await pausedWriter(site, checks, say)
    await pausedVma(site, checks, say)
    return {}
  },
}

async function pausedWriter(site: LabSite, checks: Checks, say: (line: string) => void): Promise<void> {
  say('--- a writer is paused while the volume gets a new holder')
  const volume = volumeOf(await operate(site.volumes, { kind: 'create', sizeBytes: GIB.toString() }))
  await operate(site.volumes, { kind: 'attach', volumeId: volume })
  const daemon = daemonLink(site.product.volumedSocket)
  const path = site.cloudstack.volumePath(volume)
  // What is written shows on the device at once, in the file behind it only when it was flushed.
  const device = (await site.volumes.device(volume)).path
  const [first, second, third] = [await nextToken(site), await nextToken(site), await nextToken(site)]
  const old = opened(await daemon.open(volume, first))
  const writer = startWriter(old)
  try {
    await until(
      'the writer has written',
      async () => ((await firstByte(device)) === pattern ? true : undefined),
      30_000,
    )
    writer.kill('SIGSTOP')
    checks.equal('its export is ended', await daemon.close(volume, second), 'closed')
    const then = await sha256(path)
    const fresh = opened(await daemon.open(volume, third))
    const ended = once(writer, 'exit')
    writer.kill('SIGCONT')
    const [status] = (await ended) as [number | null]
    checks.that(
      'the writer that wakes up fails',
      status !== 0 && status !== null,
      `exit status ${String(status)}`,
    )
    checks.equal('not a byte of it arrived', await sha256(path), then)
    checks.equal(
      'the old name on the new socket',
      await canReach({ ...fresh, exportName: old.exportName }),
      false,
    )
    checks.equal('the old socket', await canReach(old), false)
    checks.equal('the new one answers', await canReach(fresh), true)
    checks.equal('names differ', old.exportName === fresh.exportName || old.socket === fresh.socket, false)
    for (const token of [first, second]) {
      checks.equal(
        `opened with token ${token} after ${third}`,
        await daemon.open(volume, token),
        'VOLUME_FENCED',
      )
      checks.equal(
        `closed with token ${token} after ${third}`,
        await daemon.close(volume, token),
        'VOLUME_FENCED',
      )
    }
    checks.equal('the new holder was not disturbed', await canReach(fresh), true)
    say('--- the daemon restarts')
    await site.product.kill('volumed')
    await site.product.start('volumed')
    const refused = await until(
      'the daemon answers',
      () => daemon.open(volume, second).catch(() => undefined),
      30_000,
    )
    checks.equal('it still knows the newest token', refused, 'VOLUME_FENCED')
    checks.equal('what was open before it was killed is gone', await canReach(fresh), false)
    const gone = await operate(site.volumes, { kind: 'delete', volumeId: volume })
    checks.equal('the OMA is the newest holder again', gone.state, 'succeeded')
  } finally {
    writer.kill('SIGKILL')
    await daemon.disconnect()
  }
}

async function pausedVma(site: LabSite, checks: Checks, say: (line: string) => void): Promise<void> {
  say('--- the VMA is paused in mid-copy until its lease is lost')
  const job = await site.createJob(ledger.name)
  await proveCommitted(site, checks, ledger.name, await runPass(site.operator, job, say))
  const vm = site.vcenter.vm(ledger.name)
  await site.vcenter.guestWrites(vm, { diskKey: vm.disks[0]?.options.key ?? 0, blocks: 200 })
  await site.vcenter.setReaderFaults({ slowMsPerRead: 100 })
  const { id } = await site.operator.startPass(job.id)
  await until(
    'the pass copies',
    async () => {
      const pass = await site.operator.pass(id)
      return pass.state === 'copying' && BigInt(pass.movedBytes) > 0n ? true : undefined
    },
    60_000,
  )
  const [held] = await site.volumes.exports()
  if (held === undefined) throw new Error(`pass ${id} copies and nothing is exported`)
  const before = await writableServers(site)
  const vma = site.product.pid('vma')
  process.kill(vma, 'SIGSTOP')
  // The pass goes on as soon as a VMA takes it up; what the lost one wrote through is gone before.
  const next = await until(
    'another right to write is given out',
    async () => {
      const [opened] = await site.volumes.exports()
      return opened !== undefined && BigInt(opened.fenceToken) > BigInt(held.fenceToken) ? opened : undefined
    },
    60_000,
  )
  say(`fence token ${held.fenceToken}, then ${next.fenceToken}`)
  const left = (await writableServers(site)).filter(pid => before.includes(pid))
  checks.equal('servers that the paused VMA could write through', [before.length, left.length], [1, 0])
  await site.vcenter.setReaderFaults({})
  process.kill(vma, 'SIGCONT')
  const pass = await waitForPass(site.operator, id, line => say(`pass ${line}`))
  checks.equal(
    'the copy broke once, and why',
    pass.brokenCopies.map(copy => copy.failure.code),
    ['WORKER_LOST'],
  )
  await proveCommitted(site, checks, ledger.name, pass)
  await proveNothingLeft(site, checks)
}

/** The volume daemon serves by name; readers have none. */
const writableServers = async (site: LabSite): Promise<readonly number[]> =>
  (await findServers(join(site.dir, 'product/exports'))).map(({ pid }) => pid)

function opened(answer: Opened | string): Opened {
  if (typeof answer === 'string') throw new Error(`the export was refused: ${answer}`)
  return answer
}

const uriOf = ({ socket, exportName }: Pick<Opened, 'socket' | 'exportName'>): string =>
  `nbd+unix:///${exportName}?socket=${socket}`

/** Writes the pattern round and round, until something stops it. */
function startWriter(target: Opened): ChildProcess {
  const argv = ['bench', '-f', 'raw', '-w', '-c', '100000000', '-d', '4', '-s', '65536', '-S', '65536']
  return spawn('/usr/bin/qemu-img', [...argv, `--pattern=${pattern}`, uriOf(target)], { stdio: 'ignore' })
}

const canReach = (target: Pick<Opened, 'socket' | 'exportName'>): Promise<boolean> =>
  new Promise(resolve => {
    execFile('/usr/bin/nbdinfo', ['--size', uriOf(target)], error => resolve(error === null))
  })

/** As another holder takes it: from the one counter of the database. */
async function nextToken(site: LabSite): Promise<string> {
  const [token] = await site.mariadb.query(
    'INSERT INTO ossea.fence_counter (id, token) VALUES (1, 1) ON DUPLICATE KEY UPDATE token = token + 1; ' +
      'SELECT token FROM ossea.fence_counter',
  )
  if (token === undefined) throw new Error('there is no fence counter')
  return token
}

async function firstByte(path: string): Promise<number | undefined> {
  const file = await open(path, 'r')
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0)
    return buffer[0]
  } finally {
    await file.close()
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(path)) hash.update(part as Buffer)
  return hash.digest('hex')
}
