import { join } from 'node:path'
import process from 'node:process'
import { GuestControl } from './control.js'
import { writeInitramfs } from './initramfs.js'
import { Qemu, type GuestDisk, type MachineSpec } from './qemu.js'

/** What the set-up fetched. */
export const guestSystemDir = join(import.meta.dirname, '../../../lab/guest/build')
export const guestKernel = join(guestSystemDir, 'vmlinuz')

const agentPath = join(import.meta.dirname, 'agent.js')
const agentPort = 7000
/** What the agent writes to the serial port when it listens. */
const readyLine = 'guest: ready'
/** Emulated, beside everything else a busy machine does. */
const bootLimitMs = 180_000

export interface LinuxGuestSpec extends Pick<
  MachineSpec,
  'name' | 'uuid' | 'macAddress' | 'memoryMib' | 'bus' | 'dir'
> {
  /** Directory of this machine the guest may write to; it has it at `stateMount`, and keeps it over a reboot. */
  readonly stateDir: string
  /** In which order its disks are plugged when it is switched on; by default as they were plugged. */
  readonly arranged?: (disks: readonly GuestDisk[]) => readonly GuestDisk[]
}

export const stateMount = '/var/lib/appliance'

/**
 * A Linux whose root is this machine's own, read-only, under a layer that is gone with each boot: programs of this machine
 * run in it as they are. udev names its disks. Disks stay plugged over a reboot.
 */
export class LinuxGuest {
  readonly #spec: MachineSpec
  readonly #arranged: NonNullable<LinuxGuestSpec['arranged']>
  readonly #disks = new Map<string, GuestDisk>()
  #running: { readonly qemu: Qemu; readonly control: GuestControl } | undefined

  private constructor(spec: MachineSpec, arranged: LinuxGuestSpec['arranged']) {
    this.#spec = spec
    this.#arranged = arranged ?? (disks => disks)
  }

  /** Prepares what it boots from; it is off. */
  static async prepare(spec: LinuxGuestSpec): Promise<LinuxGuest> {
    const { stateDir, dir, arranged, ...machine } = spec
    const initramfs = join(dir, 'initramfs')
    await writeInitramfs(initramfs, guestSystemDir, initScript())
    const shares = [
      { tag: 'root', dir: '/', isReadOnly: true },
      { tag: 'udev', dir: join(guestSystemDir, 'udev'), isReadOnly: true },
      { tag: 'state', dir: stateDir, isReadOnly: false },
    ]
    return new LinuxGuest(
      { ...machine, dir, kernel: guestKernel, initramfs, append: [], shares, guestPort: agentPort },
      arranged,
    )
  }

  get isOn(): boolean {
    return this.#running !== undefined
  }

  /** Of a guest that is on. */
  get control(): GuestControl {
    if (this.#running === undefined) throw new Error(`${this.#spec.name} is off`)
    return this.#running.control
  }

  /** Switches it on; resolves when its agent answers. */
  async powerOn(): Promise<void> {
    if (this.#running !== undefined) throw new Error(`${this.#spec.name} is on already`)
    const qemu = await Qemu.start(this.#spec, this.#arranged([...this.#disks.values()]))
    this.#running = { qemu, control: new GuestControl(await qemu.hostPort()) }
    await qemu.said(readyLine, bootLimitMs)
  }

  async powerOff(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.qemu.powerOff()
  }

  /** Of a guest that is off: it has the disk when it is switched on. */
  async plug(disk: GuestDisk): Promise<void> {
    await this.#running?.qemu.plug(disk)
    this.#disks.set(disk.serial, disk)
  }

  async unplug(serial: string): Promise<void> {
    await this.#running?.qemu.unplug(serial)
    this.#disks.delete(serial)
  }

  async resize(serial: string, sizeBytes: number): Promise<void> {
    await this.#running?.qemu.resize(serial, sizeBytes)
  }
}

/** Run by busybox's shell as the guest's first process; what it says goes to the serial port. */
const initScript = (): string => `#!/bin/busybox sh
bb=/bin/busybox
fail() { echo "guest: $1"; $bb poweroff -f; }
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
for module in /modules/*.ko; do $bb insmod $module || fail "$module"; done
$bb mkdir /host /udev /layer /system
share=trans=virtio,version=9p2000.L,msize=524288
$bb mount -t 9p -o ro,cache=loose,$share root /host || fail root
$bb mount -t 9p -o ro,cache=loose,$share udev /udev || fail udev
$bb mount -t tmpfs layer /layer
$bb mkdir /layer/top /layer/work
$bb mount -t overlay -o lowerdir=/udev:/host,upperdir=/layer/top,workdir=/layer/work overlay /system || fail overlay
for place in proc sys dev; do $bb mount --move /$place /system/$place || fail "$place"; done
$bb mount -t tmpfs run /system/run
$bb mkdir -p /system${stateMount} /system/dev/shm
$bb mount -t 9p -o $share state /system${stateMount} || fail state
$bb ifconfig lo 127.0.0.1 up
$bb ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up || fail network
$bb cat >/system/run/start <<'END'
/usr/lib/systemd-udevd --daemon || echo 'guest: systemd-udevd'
/usr/bin/udevadm trigger --action=add --subsystem-match=block || echo 'guest: udevadm'
${process.execPath} ${agentPath} ${agentPort}
echo 'guest: the agent ended'
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
END
exec $bb switch_root /system /bin/sh /run/start
`
