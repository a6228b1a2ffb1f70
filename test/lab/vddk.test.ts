import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type VmSpec } from '../../lab/vcenter/options.js'
import { VcenterSimulator } from '../../lab/vcenter/simulator.js'
import { until } from '../lib/until.js'
import { RawClient } from './vcenter-soap.js'

const run = promisify(execFile)
const MIB = 1024n * 1024n
const vddkDir = join(import.meta.dirname, '../../lab/vddk')
const plugin = join(vddkDir, 'build/nbdkit-vddk-plugin.so')

const vms: readonly VmSpec[] = [
  {
    name: 'db',
    changeTracking: true,
    disks: [
      {
        sizeBytes: 64n * MIB + 1536n,
        content: [
          { kind: 'random', offsetBytes: 0n, lengthBytes: 2n * MIB },
          { kind: 'zeros', offsetBytes: 32n * MIB, lengthBytes: MIB },
        ],
      },
      { sizeBytes: 8n * MIB },
    ],
  },
]

async function start(t: Test) {
  await run('/usr/bin/make', ['-s', '-C', vddkDir])
  if (!existsSync(plugin))
    throw new Error(`${plugin} is missing: the set-up of this repository puts it there`)
  const directory = await mkdtemp(join(tmpdir(), 'ossea-vddk-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const simulator = await VcenterSimulator.start({
    directory,
    archiveDir: join(directory, 'archive'),
    taskDelayMs: 1,
    vms,
    writer: { bytesPerSec: 20_000_000, intervalMs: 10 },
  })
  t.teardown(() => simulator.close())
  const client = new RawClient(simulator)
  await client.login()
  return { directory, simulator, client }
}

interface Reader {
  readonly uri: string
  readonly complaints: () => string
}

interface ReaderOptions {
  readonly password?: string
  readonly thumbprint?: string
  readonly cookie?: string
  readonly port?: number
  readonly vm?: string
  readonly snapshot?: string | null
  readonly file?: string
}

/** nbdkit with the real vddk plugin on the stand-in library. The password goes through a file, as in the product. */
async function startReader(t: Test, simulator: VcenterSimulator, options: ReaderOptions): Promise<Reader> {
  const directory = await mkdtemp(join(tmpdir(), 'ossea-vddk-reader-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, options.password ?? simulator.password, { mode: 0o600 })
  const socket = join(directory, 'nbd.sock')
  const snapshot = options.snapshot ?? null
  const child = spawn(
    '/usr/bin/nbdkit',
    [
      '-f', '-r', '--exit-with-parent', '--unix', socket, '--pidfile', join(directory, 'pid'), plugin,
      `libdir=${simulator.vddkLibraryDir}`, `server=${simulator.host}`, `port=${options.port ?? simulator.port}`,
      `user=${simulator.user}`, `password=+${passwordFile}`,
      `thumbprint=${options.thumbprint ?? simulator.thumbprintSha1}`, `vm=moref=${options.vm ?? 'vm-101'}`,
      ...(snapshot === null ? [] : [`snapshot=${snapshot}`]),
      ...(options.cookie === undefined ? [] : [`cookie=${options.cookie}`]),
      `file=${options.file ?? '[datastore1] db/db.vmdk'}`,
    ], // prettier-ignore
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => (complaints += text.toString()))
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  })
  await until('nbdkit listens', () => {
    if (child.exitCode !== null) throw new Error(complaints)
    return existsSync(join(directory, 'pid'))
  })
  return { uri: `nbd+unix:///?socket=${socket}`, complaints: () => complaints }
}

async function takeSnapshot(client: RawClient, name: string): Promise<string> {
  const vm = '<_this type="VirtualMachine">vm-101</_this>'
  const end = await client.task(
    'CreateSnapshot_Task',
    `${vm}<name>${name}</name><memory>false</memory><quiesce>false</quiesce>`,
  )
  if (end.result === null) throw new Error(end.info)
  return end.result
}

interface MapEntry {
  readonly offset: number
  readonly length: number
  readonly type: number
}

void t.test('the frozen disks of two snapshots are read while the guest writes', async t => {
  const { directory, simulator, client } = await start(t)
  const first = await takeSnapshot(client, 'first')
  const top = simulator.vm('db').disk(2000)?.top
  await until('the guest wrote', () => top !== undefined && [...top.store.blocks.runs()].length > 3)
  const second = await takeSnapshot(client, 'second')
  const readers = [
    { reader: await startReader(t, simulator, { snapshot: first }), name: 'first' },
    {
      reader: await startReader(t, simulator, { snapshot: second, file: '[datastore1] db/db-000001.vmdk' }),
      name: 'second',
    },
  ]
  for (const { reader, name } of readers) {
    const archive = join(directory, 'archive', name, '2000.img')
    await run('/usr/bin/qemu-img', ['compare', '-f', 'raw', '-F', 'raw', reader.uri, archive])
    const copy = join(directory, `${name}.img`)
    await run('/usr/bin/nbdcopy', [reader.uri, copy])
    await run('/usr/bin/cmp', [copy, archive])
  }
  const { stdout } = await run('/usr/bin/nbdinfo', ['--map', '--json', readers[0]?.reader.uri ?? ''])
  const map = JSON.parse(stdout) as readonly MapEntry[]
  const data = map.filter(entry => entry.type === 0)
  t.ok(
    data.some(entry => entry.offset === 0 && entry.length >= 2 * 1024 * 1024),
    'data is allocated',
  )
  t.ok(
    data.some(entry => entry.offset <= 32 * 1024 * 1024 && entry.offset + entry.length >= 33 * 1024 * 1024),
    'written zeroes are allocated, unlike holes',
  )
  t.ok(map.some(entry => entry.type === 3 && entry.length > 1024 * 1024))
  t.equal(readers[0]?.reader.complaints(), '')
})

void t.test('what is refused', async t => {
  const { simulator, client } = await start(t)
  const snapshot = await takeSnapshot(client, 'one')
  const cases: readonly (readonly [string, ReaderOptions, RegExp])[] = [
    ['a wrong password', { snapshot, password: 'wrong' }, /ConnectEx: Insufficient permissions/],
    ['a wrong thumbprint', { snapshot, thumbprint: 'AA:BB' }, /ConnectEx: The host certificate/],
    ['a port on which no vCenter listens', { snapshot, port: 443 }, /ConnectEx: Cannot connect to host/],
    ['an unknown VM', { snapshot, vm: 'vm-999' }, /ConnectEx: The virtual machine cannot be found/],
    ['an unknown snapshot', { snapshot: 'snapshot-999' }, /ConnectEx: The snapshot was not found/],
    ['a running VM without a snapshot', { snapshot: null }, /ConnectEx: A file access error/],
    [
      'the file of the VM instead of that of the snapshot',
      { snapshot, file: '[datastore1] db/db-000001.vmdk' },
      /Open: .*A file was not found/,
    ],
    [
      'a session cookie that nobody got',
      { snapshot, cookie: 'vmware_soap_session="00"' },
      /ConnectEx: Insufficient permissions/,
    ],
  ]
  for (const [what, options, text] of cases) {
    const reader = await startReader(t, simulator, options)
    await t.rejects(run('/usr/bin/nbdinfo', [reader.uri]), what)
    t.match(reader.complaints(), text, what)
  }
  const byCookie = await startReader(t, simulator, {
    snapshot,
    password: 'not looked at',
    cookie: client.cookie ?? '',
  })
  await run('/usr/bin/nbdinfo', [byCookie.uri])
  await client.task(
    'RemoveSnapshot_Task',
    `<_this type="VirtualMachineSnapshot">${snapshot}</_this><removeChildren>false</removeChildren>`,
  )
  const gone = await startReader(t, simulator, { snapshot })
  await t.rejects(run('/usr/bin/nbdinfo', [gone.uri]))
  t.match(gone.complaints(), /The snapshot was not found/)
})

void t.test('a powered-off VM is read without a snapshot', async t => {
  const { directory, simulator, client } = await start(t)
  await client.task('PowerOffVM_Task', '<_this type="VirtualMachine">vm-101</_this>')
  const reader = await startReader(t, simulator, { snapshot: null })
  const copy = join(directory, 'copy.img')
  await run('/usr/bin/nbdcopy', [reader.uri, copy])
  await takeSnapshot(client, 'check')
  await run('/usr/bin/cmp', [copy, join(directory, 'archive', 'check', '2000.img')])
})

void t.test('a reader that misbehaves', async t => {
  const { directory, simulator, client } = await start(t)
  const snapshot = await takeSnapshot(client, 'one')
  const copy = async (): Promise<Reader> => {
    const reader = await startReader(t, simulator, { snapshot })
    await t.rejects(run('/usr/bin/nbdcopy', [reader.uri, join(directory, 'broken.img')]))
    return reader
  }
  await simulator.setReaderFaults({ disconnectAfterReads: 3 })
  t.match((await copy()).complaints(), /The host was disconnected/)
  await simulator.setReaderFaults({ failFromOffsetBytes: 32n * MIB })
  t.match((await copy()).complaints(), /A file access error/)
  await simulator.setReaderFaults({ refuseConnect: true })
  t.match((await copy()).complaints(), /The server refused connection/)
  await simulator.setReaderFaults({})
  const reader = await startReader(t, simulator, { snapshot })
  await run('/usr/bin/nbdcopy', [reader.uri, join(directory, 'good.img')])
  await run('/usr/bin/cmp', [join(directory, 'good.img'), join(directory, 'archive', 'one', '2000.img')])
})
