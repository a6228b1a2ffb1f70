import { copyFile, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { installVddk, type InstallOptions } from '../../../../agent/source/vddk/install.js'
import { AppError } from '../../../../agent/errors.js'
import { temporaryDir } from '../../../lib/nbdkit.js'

const lab = join(import.meta.dirname, '../../../../lab/vddk/build')
const library = join(lab, 'lib64/libvixDiskLib.so.8')

interface Entry {
  readonly name: string
  readonly type?: string
  readonly content?: string
  readonly target?: string
  /** What the header says; otherwise that of the content. */
  readonly size?: number
  readonly magic?: string
}

/** A tar archive as an attacker would write it: any name, any type. */
function tar(entries: readonly Entry[], hasEnd = true): Buffer {
  const blocks = entries.flatMap(
    ({ name, type = '0', content = '', target = '', size, magic = 'ustar\0' }) => {
      const header = Buffer.alloc(512)
      header.write(name, 0, 100, 'utf8')
      header.write('0000644\0', 100)
      header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124)
      header.write(type, 156)
      header.write(target, 157, 100, 'utf8')
      header.write(magic, 257)
      header.write('        ', 148)
      const sum = header.reduce((total, byte) => total + byte, 0)
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
      const body = Buffer.alloc(Math.ceil(content.length / 512) * 512)
      body.write(content)
      return [header, body]
    },
  )
  return Buffer.concat([...blocks, Buffer.alloc(hasEnd ? 1024 : 0)])
}

async function bench(t: Test) {
  const dir = await temporaryDir(t)
  const libraryDir = join(dir, 'opt/vddk')
  const archivePath = join(dir, 'vddk.tar.gz')
  const options: InstallOptions = {
    archivePath,
    libraryDir,
    nbdkitPath: '/usr/bin/nbdkit',
    plugin: join(lab, 'nbdkit-vddk-plugin.so'),
  }
  /** As VMware packs it. */
  const pack = async (folder = 'vmware-vix-disklib-distrib') => {
    const from = join(dir, 'from')
    await mkdir(join(from, folder, 'lib64'), { recursive: true })
    await mkdir(join(from, folder, 'doc'), { recursive: true })
    await copyFile(library, join(from, folder, 'lib64/libvixDiskLib.so.8.0.3'))
    for (const name of ['libvixDiskLib.so.8', 'libvixDiskLib.so'])
      await symlink('libvixDiskLib.so.8.0.3', join(from, folder, 'lib64', name))
    await symlink('../lib64', join(from, folder, 'doc/lib'))
    await writeFile(join(from, folder, 'doc', 'x'.repeat(120)), 'a long name')
    await execa('/usr/bin/tar', ['-czf', archivePath, '-C', from, folder])
  }
  const hostile = async (entries: readonly Entry[]) => {
    await writeFile(archivePath, gzipSync(tar(entries)))
    return installVddk(options)
  }
  return { dir, libraryDir, archivePath, options, pack, hostile }
}

void t.test('an archive as it is downloaded is unpacked, loaded and put in place', async t => {
  const { dir, libraryDir, archivePath, options, pack } = await bench(t)
  await pack()
  t.same(await installVddk(options), { file: 'libvixDiskLib.so.8.0.3', major: 8 })
  const first = await readlink(libraryDir)
  t.match(first, /^\.vddk-[0-9a-f]{16}\/vmware-vix-disklib-distrib$/)
  t.same(await readFile(join(libraryDir, 'lib64/libvixDiskLib.so.8')), await readFile(library))
  t.equal(await readFile(join(libraryDir, 'doc', 'x'.repeat(120)), 'utf8'), 'a long name')
  await mkdir(join(dir, 'opt/.vddk-0123'))
  t.same(await installVddk(options), { file: 'libvixDiskLib.so.8.0.3', major: 8 }, 'again')
  t.not(await readlink(libraryDir), first)
  t.equal((await readdir(join(dir, 'opt'))).length, 2, 'the old one and what a killed run left are gone')

  await writeFile(archivePath, gzipSync(tar([{ name: 'lib64/libvixDiskLib.so.9', content: 'no library' }])))
  const second = await readlink(libraryDir)
  await t.rejects(installVddk(options), { code: 'VDDK_ARCHIVE_REFUSED', message: /does not load/ })
  t.equal(await readlink(libraryDir), second, 'what cannot be loaded replaces nothing')
  t.equal((await readdir(join(dir, 'opt'))).length, 2)
})

void t.test('pax names, and a library without lib64', async t => {
  const { libraryDir, archivePath, options, dir } = await bench(t)
  await mkdir(join(dir, 'from'))
  await copyFile(library, join(dir, 'from/libvixDiskLib.so.8'))
  await writeFile(join(dir, 'from', 'y'.repeat(130)), '')
  await execa('/usr/bin/tar', ['--format=pax', '-czf', archivePath, '-C', join(dir, 'from'), '.'])
  t.same(await installVddk(options), { file: 'libvixDiskLib.so.8', major: 8 })
  t.ok((await readdir(libraryDir)).includes('y'.repeat(130)))
})

void t.test('what a hostile archive holds is never written outside', async t => {
  const { dir, libraryDir, hostile } = await bench(t)
  const lib = { name: 'lib64/libvixDiskLib.so.8', content: 'x' }
  const cases: readonly (readonly [string, readonly Entry[]])[] = [
    ['up', [{ name: '../escaped', content: 'x' }]],
    ['up in the middle', [{ name: 'a/../../escaped', content: 'x' }]],
    ['from the root', [{ name: `${dir}/escaped`, content: 'x' }]],
    ['no name', [{ name: '', content: 'x' }]],
    ['a control character', [{ name: 'a\u0007b', content: 'x' }]],
    ['a link out', [{ name: 'lib64/l', type: '2', target: '../../../escaped' }]],
    ['a link from the root', [{ name: 'l', type: '2', target: '/etc' }]],
    ['up after down', [{ name: 'l', type: '2', target: 'a/../../escaped' }]],
    ['an empty link', [{ name: 'l', type: '2', target: '' }]],
    [
      'through a link',
      [
        { name: 'l', type: '2', target: 'a' },
        { name: 'l/x', content: 'x' },
      ],
    ],
    ['a hard link', [{ name: 'l', type: '1', target: '/etc/passwd' }]],
    ['a device', [{ name: 'd', type: '3' }]],
    ['a block device', [{ name: 'd', type: '4' }]],
    ['a type nobody knows', [{ name: 'z', type: 'Z' }, lib]],
    ['a pipe', [{ name: 'p', type: '6' }]],
    ['one name twice', [lib, lib]],
    [
      'a file as directory',
      [
        { name: 'a', content: 'x' },
        { name: 'a/b', content: 'x' },
      ],
    ],
    [
      'a long name out',
      [
        { name: 'n', type: 'L', content: '../../escaped\0' },
        { name: 'x', content: 'x' },
      ],
    ],
    [
      'a pax name out',
      [
        { name: 'n', type: 'x', content: '24 path=../../escaped\n' },
        { name: 'x', content: 'x' },
      ],
    ],
    ['a name without end', [{ name: 'n', type: 'L', size: 1e9 }]],
    ['nothing of use', [{ name: 'readme', content: 'x' }]],
    ['two libraries', [lib, { ...lib, name: 'other/libvixDiskLib.so.9' }]],
  ]
  for (const [what, entries] of cases) {
    await t.rejects(hostile(entries), { code: 'VDDK_ARCHIVE_REFUSED' }, what)
    t.notOk((await readdir(dir)).includes('escaped'), `${what}: nothing escaped`)
    t.same(await readdir(join(dir, 'opt')), [], `${what}: nothing is left`)
    await t.rejects(lstat(libraryDir), { code: 'ENOENT' })
  }
})

void t.test('archives that are damaged, cut, or grow without end', async t => {
  const { archivePath, options, pack } = await bench(t)
  const refused = { code: 'VDDK_ARCHIVE_REFUSED' }
  await writeFile(archivePath, 'no gzip')
  await t.rejects(installVddk(options), refused)
  await writeFile(archivePath, gzipSync(Buffer.alloc(512, 7)))
  await t.rejects(installVddk(options), { ...refused, message: /no tar archive|cannot be read/ })
  const entry = { name: 'lib64/libvixDiskLib.so.8', content: 'x'.repeat(2000) }
  await writeFile(archivePath, gzipSync(tar([entry], false).subarray(0, 1024)))
  await t.rejects(installVddk(options), { ...refused, message: /ends in the middle/ })
  await writeFile(archivePath, gzipSync(tar([entry], false)))
  await t.rejects(installVddk(options), { ...refused, message: /ends in the middle/ })
  await pack()
  const whole = await readFile(archivePath)
  await writeFile(archivePath, whole.subarray(0, whole.length / 2))
  await t.rejects(installVddk(options), refused)
  await writeFile(archivePath, whole)
  await t.rejects(installVddk({ ...options, limits: { entries: 3, totalBytes: 1e9 } }), refused)
  await t.rejects(installVddk({ ...options, limits: { entries: 1000, totalBytes: 1000 } }), refused)
  for (const path of ['/nonexistent', '/etc'])
    await t.rejects(installVddk({ ...options, archivePath: path }), { ...refused, message: /cannot be read/ })
})

void t.test('a directory of somebody else is not taken away', async t => {
  const { dir, libraryDir, options, pack } = await bench(t)
  await pack()
  await mkdir(libraryDir, { recursive: true })
  await t.rejects(installVddk(options), { code: 'CONFIG_INVALID' })
  const link = join(dir, 'opt/link')
  await symlink('/usr/lib', link)
  const error = await installVddk({ ...options, libraryDir: link }).catch((caught: unknown) => caught)
  t.ok(error instanceof AppError && error.code === 'CONFIG_INVALID')
  t.equal(await readlink(link), '/usr/lib')
})
