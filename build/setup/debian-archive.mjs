import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { aptSourceOf } from './apt-source.mjs'
import { run, StepFailed } from './run.mjs'

/**
 * A suite of Debian as this machine's apt reaches its mirror, with lists and cache of its own below `directory`: nothing is
 * installed, apt checks the signatures as always. `byHand` is what to do where that does not work.
 */
export async function openArchive({ directory, suite, component, what, byHand }) {
  const source = aptSourceOf('bookworm')
  if (source === undefined)
    throw new StepFailed(`apt's configuration names no source of Debian 12, so ${what} has none.\n${byHand}`)
  const sources = join(directory, 'archive.sources')
  const signedBy = source.signedBy === undefined ? '' : `Signed-By: ${source.signedBy}\n`
  writeFileSync(
    sources,
    `Types: deb\nURIs: ${source.uri}\nSuites: ${suite}\nComponents: ${component}\n${signedBy}`,
  )
  const lists = join(directory, 'lists')
  const cache = join(directory, 'cache')
  for (const path of [lists, cache])
    mkdirSync(join(path, path === cache ? 'archives/partial' : 'partial'), { recursive: true })
  const only = Object.entries({
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::Cache': cache,
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const advice = `${what} could not be fetched from the mirror of this machine's apt.\n${byHand}`
  await run('/usr/bin/apt-get', ['update', '-q', ...only, '-o', 'APT::Update::Error-Mode=any'], advice, {
    cwd: directory,
  })
  return {
    /** Of a package without files of its own: the one it stands for. */
    dependencyOf: name => {
      const { stdout } = spawnSync('/usr/bin/apt-cache', [...only, 'depends', '--important', name], {
        encoding: 'utf8',
      })
      const found = /^ +Depends: (\S+)/m.exec(stdout)?.[1]
      if (found === undefined) throw new StepFailed(`${name} names no package it depends on.\n${byHand}`)
      return found
    },
    /** Fetches packages and unpacks them into `tree`. */
    unpack: async (names, tree) => {
      const debs = join(directory, 'debs')
      mkdirSync(debs, { recursive: true })
      await run('/usr/bin/apt-get', ['download', '-q', ...only, ...names], advice, { cwd: debs })
      for (const deb of readdirSync(debs))
        await run('/usr/bin/dpkg-deb', ['-x', join(debs, deb), tree], advice)
    },
  }
}
