import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openArchive } from './debian-archive.mjs'
import { at } from './paths.mjs'
import { StepFailed } from './run.mjs'

const plugin = 'lab/vddk/build/nbdkit-vddk-plugin.so'
const debianPackage = 'nbdkit-plugin-vddk'
/** Debian 12 does not carry the plugin. The next release does, in contrib, and its file runs under nbdkit 1.32. */
const donorSuite = 'trixie'
const pluginName = 'nbdkit-vddk-plugin.so'
const byHand =
  `The tests of disk readers need nbdkit's plugin for VDDK. Install ${debianPackage} by hand from Debian's contrib\n` +
  `(suite ${donorSuite} or newer), or put its ${pluginName} at ${plugin}.`

/** The plugin of a package that is installed on this machine. */
function installed() {
  for (const directory of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', directory, 'nbdkit/plugins', pluginName)
    if (existsSync(path)) return path
  }
  return undefined
}

/** Puts nbdkit's vddk plugin beside the stand-in library. Nothing is installed; apt checks the signatures as always. */
export const vddkPlugin = {
  title: "nbdkit's vddk plugin",
  isDone: () => existsSync(at(plugin)),
  run: async () => {
    mkdirSync(dirname(at(plugin)), { recursive: true })
    const here = installed()
    if (here !== undefined) {
      putInPlace(here)
      return
    }
    const directory = mkdtempSync(join(tmpdir(), 'ossea-vddk-plugin-'))
    try {
      putInPlace(await unpacked(directory))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
}

/** By rename, so that an interrupted copy is never taken for the plugin. */
function putInPlace(path) {
  copyFileSync(path, `${at(plugin)}.new`)
  renameSync(`${at(plugin)}.new`, at(plugin))
}

/** Fetches and unpacks the package below `directory`; the path of the plugin in it. */
async function unpacked(directory) {
  const archive = await openArchive({
    directory,
    suite: donorSuite,
    component: 'contrib',
    what: debianPackage,
    byHand,
  })
  const tree = join(directory, 'tree')
  await archive.unpack([debianPackage], tree)
  const found = readdirSync(tree, { recursive: true }).find(name => name.endsWith(`/${pluginName}`))
  if (found === undefined) throw new StepFailed(`${debianPackage} holds no ${pluginName}.\n${byHand}`)
  return join(tree, found)
}
