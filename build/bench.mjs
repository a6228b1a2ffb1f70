// `npm run bench -- NAME` runs test/bench/NAME.mjs; its own arguments follow.
import { existsSync } from 'node:fs'
import { at } from './setup/paths.mjs'

const [name = ''] = process.argv.slice(2)
const script = at('test/bench', `${name}.mjs`)
if (!/^[a-z-]+$/.test(name) || !existsSync(script)) {
  process.stderr.write('usage: npm run bench -- copy|console\n')
  process.exit(2)
}
const { main } = await import(script)
await main()
