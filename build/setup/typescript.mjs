import { modulePath } from './node-modules.mjs'
import { fingerprint, root, stamp, stampIs } from './paths.mjs'
import { run } from './run.mjs'

const mark = 'dist/.built'
const wanted = () =>
  fingerprint([
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    'agent',
    'console',
    'native',
    'lab',
  ])

export const compiledSources = {
  title: 'TypeScript to dist/ (tsc)',
  isDone: () => stampIs(mark, wanted()),
  run: async () => {
    await run(
      process.execPath,
      [modulePath('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
      'Correct the type errors above.',
      {
        cwd: root,
      },
    )
    stamp(mark, wanted())
  },
}
