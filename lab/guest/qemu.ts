import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child } from '../site/child.js'
import { until } from '../site/until.js'
import { Qmp } from './qmp.js'

export interface MachineSpec {
  readonly name: string
  /** What the firmware says of itself. */
  readonly uuid: string
  readonly macAddress: string
  readonly memoryMib: number
  readonly kernel: string
  readonly initramfs: string
  /** Words for the kernel's command line, besides the console. */
  readonly append: readonly string[]
  /** Directories of this machine that the guest can mount by their tag (9p). */
  readonly shares: readonly { readonly tag: string; readonly dir: string; readonly isReadOnly: boolean }[]
  /** A port of the guest to be reached on a free port of this machine's loopback. */
  readonly guestPort: number | null
  /** How data disks are attached: both are what CloudStack's KVM offers. */
  readonly bus: 'virtio-blk' | 'virtio-scsi'
  /** Must exist; sockets and logs of the machine go there. */
  readonly dir: string
}

export interface GuestDisk {
  /** At most 20 characters: virtio-blk has no more. */
  readonly serial: string
  readonly file: string
}

const qemuPath = '/usr/bin/qemu-system-x86_64'
const startLimitMs = 20_000
/** The guest has to let go of a disk; emulated and on a busy machine that takes its time. */
const unplugLimitMs = 60_000
const stopLimitMs = 10_000

/** A running QEMU, always emulated in software. Its disks can be plugged and unplugged while the guest runs. */
export class Qemu {
  readonly #spec: MachineSpec
  readonly #child: Child
  readonly #qmp: Qmp
  readonly #serials = new Set<string>()

  private constructor(spec: MachineSpec, child: Child, qmp: Qmp, disks: readonly GuestDisk[]) {
    this.#spec = spec
    this.#child = child
    this.#qmp = qmp
    for (const { serial } of disks) this.#serials.add(serial)
  }

  /** Resolves when the guest begins to run, with these disks in this order. */
  static async start(spec: MachineSpec, disks: readonly GuestDisk[]): Promise<Qemu> {
    const socket = join(spec.dir, 'qmp.sock')
    await rm(socket, { force: true })
    await writeFile(consoleOf(spec), '')
    const child = await Child.start(
      spec.name,
      [qemuPath, ...machineArguments(spec, socket), ...disks.flatMap(disk => diskArguments(spec.bus, disk))],
      join(spec.dir, 'qemu.log'),
    )
    const qmp = await until(
      `QEMU of ${spec.name} answers`,
      async () => {
        await child.mustRun()
        if (!existsSync(socket)) return undefined
        return Qmp.connect(socket).catch((error: unknown) => {
          // The file is there a moment before QEMU listens; a QEMU that failed is told by the look at its process.
          if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return undefined
          throw error
        })
      },
      startLimitMs,
    )
    return new Qemu(spec, child, qmp, disks)
  }

  /** What the guest wrote to its serial port since it was switched on. */
  console(): Promise<string> {
    return readFile(consoleOf(this.#spec), 'utf8')
  }

  /** Resolves when the guest has written this; rejects with its newest lines when it ended before, or after `limitMs`. */
  async said(text: string, limitMs: number): Promise<void> {
    await until(
      `${this.#spec.name} says: ${text}`,
      async () => {
        const { isRunning } = this.#child
        const console = await this.console()
        if (console.includes(text)) return true
        if (isRunning) return undefined
        const last = console.trimEnd().split('\n').slice(-10).join('\n')
        throw new Error(`${this.#spec.name} ended before it said ${text}: ${last}`)
      },
      limitMs,
    )
  }

  /** The port of this machine that leads to `guestPort`. */
  async hostPort(): Promise<number> {
    const told = String(await this.#qmp.execute('human-monitor-command', { 'command-line': 'info usernet' }))
    const port = /TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)/.exec(told)?.[1]
    if (port === undefined) throw new Error(`${this.#spec.name} has no forwarded port: ${told}`)
    return Number(port)
  }

  /** Resolves when the disk is part of the machine; the guest finds it by itself. */
  async plug({ serial, file }: GuestDisk): Promise<void> {
    await this.#qmp.execute('blockdev-add', blockNode({ serial, file }))
    try {
      await this.#qmp.execute('device_add', device(this.#spec.bus, serial))
    } catch (error) {
      await this.#qmp.execute('blockdev-del', { 'node-name': nodeName(serial) })
      throw error
    }
    this.#serials.add(serial)
  }

  /** Resolves when the guest has let go of the disk; rejects when it does not, and the disk stays then. */
  async unplug(serial: string): Promise<void> {
    if (!this.#serials.has(serial)) throw new RangeError(`${this.#spec.name} has no disk ${serial}`)
    const gone = this.#qmp.next(
      `the guest lets go of disk ${serial}`,
      ({ event, data }) => event === 'DEVICE_DELETED' && data['device'] === deviceId(serial),
      unplugLimitMs,
    )
    await Promise.all([gone, this.#qmp.execute('device_del', { id: deviceId(serial) })])
    await this.#qmp.execute('blockdev-del', { 'node-name': nodeName(serial) })
    this.#serials.delete(serial)
  }

  /** The disk takes on a size; the guest learns of it. */
  async resize(serial: string, sizeBytes: number): Promise<void> {
    await this.#qmp.execute('block_resize', { 'node-name': nodeName(serial), size: sizeBytes })
  }

  /** As the reset button. Disks stay where they are. */
  async reset(): Promise<void> {
    await this.#qmp.execute('system_reset')
  }

  /** As pulling the plug: what the guest had not flushed is lost to it; what it had flushed is in the files. */
  async powerOff(): Promise<void> {
    this.#qmp.close()
    await this.#child.stop(stopLimitMs)
  }
}

const consoleOf = (spec: MachineSpec): string => join(spec.dir, 'console.log')
const nodeName = (serial: string): string => `node-${serial}`
const deviceId = (serial: string): string => `disk-${serial}`

function machineArguments(spec: MachineSpec, socket: string): readonly string[] {
  const forward = spec.guestPort === null ? '' : `,hostfwd=tcp:127.0.0.1:0-:${spec.guestPort}`
  const serialPort = `file,id=console,path=${consoleOf(spec)}`
  return [
    ...['-name', spec.name, '-nodefaults', '-no-user-config', '-display', 'none'],
    // The machine CloudStack's KVM gives a VM: 30 slots, hot-plugged by ACPI.
    ...['-machine', 'pc', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2'],
    ...['-m', `${spec.memoryMib}M`, '-uuid', spec.uuid],
    ...['-chardev', serialPort, '-serial', 'chardev:console'],
    ...['-qmp', `unix:${socket},server=on,wait=off`],
    ...['-netdev', `user,id=net,restrict=on${forward}`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${spec.macAddress},romfile=`],
    ...(spec.bus === 'virtio-scsi' ? ['-device', 'virtio-scsi-pci,id=scsi'] : []),
    ...spec.shares.flatMap(({ tag, dir, isReadOnly }) => [
      '-virtfs',
      `local,path=${dir},mount_tag=${tag},security_model=none,multidevs=remap${isReadOnly ? ',readonly=on' : ''}`,
    ]),
    ...['-kernel', spec.kernel, '-initrd', spec.initramfs],
    ...['-append', ['console=ttyS0', 'quiet', 'panic=-1', ...spec.append].join(' ')],
  ]
}

const diskArguments = (bus: MachineSpec['bus'], disk: GuestDisk): readonly string[] => [
  '-blockdev',
  JSON.stringify(blockNode(disk)),
  '-device',
  JSON.stringify(device(bus, disk.serial)),
]

const blockNode = ({ serial, file }: GuestDisk) => ({
  driver: 'raw',
  'node-name': nodeName(serial),
  file: { driver: 'file', filename: file },
})

const device = (bus: MachineSpec['bus'], serial: string) => ({
  driver: bus === 'virtio-blk' ? 'virtio-blk-pci' : 'scsi-hd',
  id: deviceId(serial),
  drive: nodeName(serial),
  serial,
  ...(bus === 'virtio-scsi' ? { bus: 'scsi.0' } : {}),
})
