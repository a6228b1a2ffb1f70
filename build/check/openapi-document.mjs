// docs/openapi/ describes every API of the product, written from the schemas of its routes; `npm run docs` writes it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import { format, resolveConfig } from 'prettier'
import { at } from '../setup/paths.mjs'
import { routesOf, servers } from './servers.mjs'

const folder = 'docs/openapi'

async function documentOf([path, maker, title]) {
  const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  const app = fastify()
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title, version } } })
  const routes = await routesOf([path, maker])
  for (const { method, url, schema } of routes) app.route({ method, url, schema, handler: () => undefined })
  await app.ready()
  const document = app.swagger()
  await app.close()
  const paths = Object.entries(document.paths).sort(([one], [other]) => (one < other ? -1 : 1))
  const components = { responses: { Failure: sharedFailure(paths) } }
  const text = JSON.stringify({ ...document, components, paths: Object.fromEntries(paths) })
  return format(text, { ...(await resolveConfig(at(folder, 'x.json'))), parser: 'json' })
}

/** Every operation fails in the same way: each refers to one description, which this takes out of them. */
function sharedFailure(paths) {
  let shared
  for (const { responses } of paths.flatMap(([, operations]) => Object.values(operations))) {
    if (responses?.default === undefined) continue
    shared ??= { ...responses.default, description: 'Refused or failed; `code` says why' }
    responses.default = { $ref: '#/components/responses/Failure' }
  }
  return shared
}

/** Every file of the folder, by name. */
async function expected() {
  const files = new Map()
  for (const [name, server] of Object.entries(servers)) files.set(`${name}.json`, await documentOf(server))
  return files
}

/** A server that nobody has named above would have no document. */
const unnamed = () =>
  readdirSync(at('agent'), { recursive: true })
    .filter(name => name.endsWith('.ts') && name !== 'http-server/server.ts')
    .filter(name => /\bapiServer\([^)]/.test(readFileSync(at('agent', name), 'utf8')))
    .map(name => `agent/${name.replace(/\.ts$/, '')}`)
    .filter(name => !Object.values(servers).some(([path]) => path === name))

export async function openapiDocument() {
  const wanted = await expected()
  const there = existsSync(at(folder)) ? readdirSync(at(folder)) : []
  const same = name => readFileSync(at(folder, name), 'utf8') === wanted.get(name)
  const stale = [...wanted.keys()].filter(name => !there.includes(name) || !same(name))
  const wrong = [...stale, ...there.filter(name => !wanted.has(name))]
  return [
    ...unnamed().map(name => `${name} makes a server that build/check/openapi-document.mjs does not know`),
    ...(wrong.length === 0
      ? []
      : [`${folder} is not what the routes say (${wrong.join(', ')}): run \`npm run docs\``]),
  ]
}

if (process.argv[1] === at('build/check/openapi-document.mjs')) {
  rmSync(at(folder), { recursive: true, force: true })
  mkdirSync(at(folder), { recursive: true })
  for (const [name, text] of await expected()) writeFileSync(at(folder, name), text)
}
