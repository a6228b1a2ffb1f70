// docs/routes.md says who may call each route, taken from the routes themselves; `npm run docs` writes it and
// `npm run audit:routes` prints it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { at } from '../setup/paths.mjs'
import { routesOf, servers } from './servers.mjs'

const path = 'docs/routes.md'
const head = `# Who may call what

Written from the routes by \`npm run docs\`. A route that does not say who may call it does not register. Of people it names the
least role: an admin may do what an operator may, an operator what a viewer may. \`worker\` is a VMA, \`oma\` and \`console\` are our
own programs; the access rights of the socket let in nobody else.
`

/** The table of one server. Rejects when a route does not say who may call it. */
async function tableOf(name, server) {
  const routes = (await routesOf(server)).map(({ method, url, config, schema }) => ({
    line: `| \`${method}\` | \`${url}\` | ${config.caller} | ${schema.operationId} |`,
    url,
  }))
  const lines = routes.sort((one, other) => (one.url < other.url ? -1 : 1)).map(({ line }) => line)
  const title = `## ${name}: ${server[2]}`
  return [title, '', '| Method | Route | Caller | Operation |', '| --- | --- | --- | --- |', ...lines]
}

async function expected() {
  const parts = [head]
  for (const [name, server] of Object.entries(servers))
    parts.push(`${(await tableOf(name, server)).join('\n')}\n`)
  return parts.join('\n')
}

export async function routesDocument() {
  const current = existsSync(at(path)) ? readFileSync(at(path), 'utf8') : ''
  return current === (await expected()) ? [] : [`${path} is not what the routes say: run \`npm run docs\``]
}

if (process.argv[1] === at('build/check/routes-document.mjs')) {
  const text = await expected()
  if (process.argv[2] === '--print') process.stdout.write(text)
  else writeFileSync(at(path), text)
}
