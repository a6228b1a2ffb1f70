import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { openArchive } from './debian-archive.mjs'
import { at } from './paths.mjs'
import { StepFailed } from './run.mjs'

const place = 'lab/guest/build'
const kernelPackage = 'linux-image-amd64'
const byHand =
  'The guests of the simulated CloudStack need the kernel, busybox and udev of Debian 12. Where apt cannot fetch them,\n' +
  `unpack ${kernelPackage}, busybox-static and udev by hand and see build/setup/guest-system.mjs for what goes to ${place}.`

/** What a guest loads, each after what it needs: disks of both kinds, the shares of the host, the network. */
const wantedModules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'sd_mod',
  'virtio_net',
  '9pnet_virtio',
  '9p',
  'overlay',
]

/**
 * A Linux to boot in QEMU, from Debian's packages, none of them installed: `vmlinuz`, `modules/NN-name.ko` in the order they
 * load, `busybox`, and udev as a tree to lay over the root of this machine.
 */
export const guestSystem = {
  title: 'kernel, busybox and udev for guests',
  isDone: () => existsSync(at(place)),
  run: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ossea-guest-'))
    const draft = at(`${place}.new`)
    try {
      const archive = await openArchive({
        directory,
        suite: 'bookworm',
        component: 'main',
        what: 'A Linux for guests',
        byHand,
      })
      const tree = join(directory, 'tree')
      await archive.unpack([archive.dependencyOf(kernelPackage), 'busybox-static', 'udev'], tree)
      rmSync(draft, { recursive: true, force: true })
      mkdirSync(join(draft, 'modules'), { recursive: true })
      const kernel = readdirSync(join(tree, 'boot')).find(name => name.startsWith('vmlinuz-'))
      if (kernel === undefined) throw new StepFailed(`${kernelPackage} holds no kernel.\n${byHand}`)
      cpSync(join(tree, 'boot', kernel), join(draft, 'vmlinuz'))
      cpSync(join(tree, 'bin/busybox'), join(draft, 'busybox'))
      copyModules(join(tree, 'lib/modules'), join(draft, 'modules'))
      // Of a root whose /lib and /bin are links, as in Debian 12.
      cpSync(join(tree, 'lib/udev'), join(draft, 'udev/usr/lib/udev'), { recursive: true })
      cpSync(join(tree, 'bin/udevadm'), join(draft, 'udev/usr/bin/udevadm'))
      symlinkSync('../bin/udevadm', join(draft, 'udev/usr/lib/systemd-udevd'))
      renameSync(draft, at(place))
    } finally {
      rmSync(directory, { recursive: true, force: true })
      rmSync(draft, { recursive: true, force: true })
    }
  },
}

/** Those that are built into the kernel are no files, and need none. */
function copyModules(from, to) {
  const files = new Map(
    readdirSync(from, { recursive: true })
      .filter(name => name.endsWith('.ko'))
      .map(name => [basename(name, '.ko').replaceAll('-', '_'), join(from, name)]),
  )
  const ordered = []
  const add = name => {
    const file = files.get(name)
    if (file === undefined || ordered.includes(name)) return
    // .modinfo has `depends=one,two` between zero bytes.
    const needs = /\0depends=([^\0]*)\0/.exec(readFileSync(file, 'latin1'))?.[1] ?? ''
    for (const need of needs.split(',').filter(text => text !== '')) add(need.replaceAll('-', '_'))
    ordered.push(name)
  }
  for (const name of wantedModules) add(name)
  for (const [index, name] of ordered.entries())
    cpSync(files.get(name), join(to, `${String(index).padStart(2, '0')}-${name}.ko`))
}
