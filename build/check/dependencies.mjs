import { readFileSync } from 'node:fs'
import { at } from '../setup/paths.mjs'

/** Every package is pinned and has its line in docs/dependencies.md with the same version. */
export function checkDependencies() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  const document = readFileSync(at('docs/dependencies.md'), 'utf8').replace(/ +/g, ' ')
  const complaints = []
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    if (!/^\d/.test(version)) complaints.push(`package.json: ${name} is not pinned (${version})`)
    if (!document.includes(`| ${name} | ${version} |`))
      complaints.push(`docs/dependencies.md: no line for ${name} ${version}`)
  }
  return complaints
}
