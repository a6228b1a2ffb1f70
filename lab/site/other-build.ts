import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const contractPath = 'dist/agent/api/worker.js'
const [ofThis, ofOther] = ['maximum: 30_000', 'maximum: 30_001']

/**
 * The agent as a later version would be that says something else on the worker's API. Made below `dir`, which must exist;
 * gives the path of its main program.
 */
export async function otherBuild(dir: string, version: string): Promise<string> {
  for (const folder of ['dist/agent', 'dist/native'])
    await cp(join(root, folder), join(dir, folder), { recursive: true })
  for (const folder of ['node_modules', 'native']) await symlink(join(root, folder), join(dir, folder))
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as object
  await writeFile(join(dir, 'package.json'), JSON.stringify({ ...manifest, version }))
  const contract = await readFile(join(dir, contractPath), 'utf8')
  if (!contract.includes(ofThis)) throw new Error(`${contractPath} has no ${ofThis} to change`)
  await writeFile(join(dir, contractPath), contract.replace(ofThis, ofOther))
  return join(dir, 'dist/agent/main.js')
}
