import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type VmSpec } from './options.js'
import { VcenterSimulator } from './simulator.js'

const MIB = 1024n * 1024n

const demoVms: readonly VmSpec[] = [
  {
    name: 'web-01',
    folder: ['production'],
    disks: [
      { sizeBytes: 256n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 32n * MIB }] },
    ],
  },
  {
    name: 'db-01',
    folder: ['production', 'databases'],
    disks: [
      { sizeBytes: 128n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 16n * MIB }] },
      {
        sizeBytes: 2048n * MIB,
        content: [
          { kind: 'random', offsetBytes: 64n * MIB, lengthBytes: 48n * MIB },
          { kind: 'zeros', offsetBytes: 1024n * MIB, lengthBytes: 16n * MIB },
        ],
      },
    ],
  },
]

/**
 * A simulated vCenter for clients outside this program: prints one JSON line when it can be used and ends on SIGTERM or
 * SIGINT, removing what it kept. `--generated N` adds N VMs, `--writer BYTES_PER_SEC` lets the guests write.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      generated: { type: 'string', default: '0' },
      writer: { type: 'string', default: '0' },
      port: { type: 'string', default: '0' },
      archive: { type: 'string' },
    },
  })
  const directory = await mkdtemp(join(tmpdir(), 'ossea-vcenter-'))
  const bytesPerSec = Number(values.writer)
  const simulator = await VcenterSimulator.start({
    directory,
    port: Number(values.port),
    vms: demoVms,
    generatedVms: Number(values.generated),
    writer: bytesPerSec > 0 ? { bytesPerSec } : null,
    ...(values.archive === undefined ? {} : { archiveDir: values.archive }),
  })
  const facts = {
    url: simulator.url,
    host: simulator.host,
    port: simulator.port,
    user: simulator.user,
    password: simulator.password,
    thumbprintSha1: simulator.thumbprintSha1,
    thumbprintSha256: simulator.thumbprintSha256,
    vddkLibraryDir: simulator.vddkLibraryDir,
  }
  const stop = async (): Promise<void> => {
    await simulator.close()
    await rm(directory, { recursive: true, force: true })
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`)
          process.exit(1)
        },
      )
    })
  }
  process.stdout.write(`${JSON.stringify(facts)}\n`)
}

await main()
