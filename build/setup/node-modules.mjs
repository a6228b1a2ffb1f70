import { dirname, join } from 'node:path'
import { at, fingerprint, root, stamp, stampIs } from './paths.mjs'
import { run } from './run.mjs'

const mark = 'node_modules/.cache/installed'
const wanted = () => fingerprint(['package-lock.json'])

export const nodeModules = {
  title: 'Node packages (npm ci)',
  isDone: () => stampIs(mark, wanted()),
  run: async () => {
    const npm = join(dirname(process.execPath), 'npm')
    await run(
      npm,
      ['ci', '--no-audit', '--no-fund'],
      'Check the network and the npm registry, then run: npm ci',
      { cwd: root },
    )
    stamp(mark, wanted())
  },
}

export const modulePath = (...parts) => at('node_modules', ...parts)
