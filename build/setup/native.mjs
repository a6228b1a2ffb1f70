import { existsSync } from 'node:fs'
import { modulePath } from './node-modules.mjs'
import { at, fingerprint, root, stamp, stampIs } from './paths.mjs'
import { run } from './run.mjs'

const mark = 'native/build/built'
const wanted = () => fingerprint(['native/binding.gyp', 'native/src'])

/** Headers that came with Node spare a download; without them node-gyp fetches its own. */
function ownHeaders() {
  const prefix = new URL('../', `file://${process.execPath}`).pathname
  return existsSync(`${prefix}include/node/node_api.h`) ? [`--nodedir=${prefix}`] : []
}

export const nativeAddon = {
  title: 'native addon (node-gyp)',
  isDone: () => stampIs(mark, wanted()) && existsSync(at('native/build/Release/nbd.node')),
  run: async () => {
    const gyp = modulePath('node-gyp/bin/node-gyp.js')
    const advice = 'The addon needs g++, make, python3, pkg-config and libnbd-dev from Debian.'
    await run(process.execPath, [gyp, 'rebuild', '-C', at('native'), ...ownHeaders()], advice, { cwd: root })
    stamp(mark, wanted())
  },
}
