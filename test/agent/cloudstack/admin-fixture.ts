import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { type Test } from 'tap'
import { operatorClient, type Send } from '../../../agent/api/client.js'
import { CloudstackAdmin } from '../../../agent/cloudstack/admin.js'
import { configuredVolumes } from '../../../agent/cloudstack/configured.js'
import { CloudstackConnection } from '../../../agent/cloudstack/connection.js'
import { credentialsFiles } from '../../../agent/cloudstack/credentials-files.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { type Logger } from '../../../agent/log/logger.js'
import { machineIdentity } from '../../../agent/roles/machine-identity.js'
import { cloudstackConfiguration } from '../../../agent/store/cloudstack-configuration.js'
import { cloudstackJournal } from '../../../agent/store/cloudstack-journal.js'
import { migrate } from '../../../agent/store/database.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { operatorParts } from '../../lib/operator-parts.js'
import { installationId, pause, quick } from './client-fixture.js'

export interface Machine {
  readonly systemUuid?: string
  readonly macAddress: string
}

/** The parts of the OMA that configure CloudStack, over a real database and the operator's API on a socket. */
export async function startAdministration(t: Test, machine: Machine) {
  const { db } = await startMariadb(t)
  await migrate(db)
  const dir = await temporaryDir(t)
  const sysfsDir = await writeMachine(dir, machine)
  const secretsDir = join(dir, 'secrets')
  const now = (): Date => new Date()
  const configuration = cloudstackConfiguration(db, now)
  const credentials = credentialsFiles(secretsDir)
  /** Everything that was logged or answered, for the canary. */
  const told: string[] = []
  const logger = recorder(told)
  const connection = new CloudstackConnection({
    configuration,
    credentials,
    journal: cloudstackJournal(db, now),
    timing: quick,
    installationId,
    now,
    pause,
    logger,
  })
  t.teardown(() => connection.close())
  const server = operatorApi({
    ...operatorParts(db, now),
    cloudstack: new CloudstackAdmin({
      connection,
      configuration,
      credentials,
      machine: () => machineIdentity(sysfsDir),
      connectTimeoutMs: 1000,
    }),
    logger,
  })
  const socketPath = join(dir, 'api.sock')
  await server.listen({ path: socketPath })
  t.teardown(() => server.close())
  const dispatcher = new Agent({ connect: { socketPath } })
  t.teardown(() => dispatcher.close())
  /** A body that is a string goes out as it is. */
  const send: Send = async (method, path, body) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const reply = await request(`http://agent${path}`, {
      dispatcher,
      method,
      ...(body === undefined ? {} : { body: text, headers: { 'content-type': 'application/json' } }),
    })
    const answer = await reply.body.text()
    told.push(answer)
    return { status: reply.statusCode, body: JSON.parse(answer) as unknown }
  }
  const client = operatorClient(send)
  return { db, dir, secretsDir, connection, client, send, told, volumes: configuredVolumes(connection) }
}

async function writeMachine(dir: string, machine: Machine): Promise<string> {
  const sysfs = join(dir, 'sys')
  for (const [name, mac] of [
    ['lo', '00:00:00:00:00:00'],
    ['eth0', machine.macAddress],
  ] as const) {
    await mkdir(join(sysfs, 'class/net', name), { recursive: true })
    await writeFile(join(sysfs, 'class/net', name, 'address'), `${mac}\n`)
  }
  await mkdir(join(sysfs, 'class/dmi/id'), { recursive: true })
  // Firmware shows it in upper case, and to root only.
  if (machine.systemUuid !== undefined)
    await writeFile(join(sysfs, 'class/dmi/id/product_uuid'), `${machine.systemUuid.toUpperCase()}\n`)
  return sysfs
}

function recorder(told: string[]): Logger {
  const record = (fields: object, message: string): void => {
    told.push(message, deepText(fields))
  }
  return { debug: record, info: record, warn: record, error: record, fatal: record }
}

/** With stacks and chains of causes, as pino prints them. */
function deepText(value: unknown): string {
  if (value instanceof Error) {
    const more = Object.getOwnPropertyNames(value).map(name => deepText(Reflect.get(value, name)))
    return [value.name, ...more].join(' ')
  }
  if (typeof value === 'object' && value !== null) return Object.values(value).map(deepText).join(' ')
  return String(value)
}
