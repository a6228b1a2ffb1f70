import { at, fingerprint, stamp, stampIs } from './paths.mjs'
import { run } from './run.mjs'

const mark = 'lab/vddk/build/built'
const wanted = () => fingerprint(['lab/vddk/src'])

export const vddkLibrary = {
  title: 'stand-in for libvixDiskLib (make)',
  isDone: () => stampIs(mark, wanted()),
  run: async () => {
    await run('/usr/bin/make', ['-s', '-C', at('lab/vddk')], 'The library needs gcc and make from Debian.')
    stamp(mark, wanted())
  },
}
