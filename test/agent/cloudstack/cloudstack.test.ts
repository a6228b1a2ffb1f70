import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { encodeValue } from '../../../agent/cloudstack/signature.js'
import { volumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { agentOf, clientOf } from './client-fixture.js'

const key = { apiKey: 'the-Api_Key', secretKey: 'the-secret' }
const id = volumeId('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0')
const never = new AbortController().signal
const now = (): Date => new Date('2026-11-23T12:00:00.500Z')
type Answer = (parameters: URLSearchParams) => { status?: number; body: unknown }

/** The signature as ApiServer.verifyRequest computes it, written from its description and not from our client. */
function expectedSignature(parameters: URLSearchParams): string {
  const javaEncode = (value: string) =>
    [...Buffer.from(value, 'utf8')]
      .map(byte =>
        /[A-Za-z0-9.\-*_]/.test(String.fromCharCode(byte))
          ? String.fromCharCode(byte)
          : `%${byte.toString(16).padStart(2, '0')}`,
      )
      .join('')
  const names = [...parameters.keys()].filter(name => name !== 'signature').sort()
  const text = names.map(name => `${name}=${javaEncode(parameters.get(name) ?? '')}`).join('&')
  return createHmac('sha1', key.secretKey).update(text.toLowerCase()).digest('base64')
}

/** A management server that answers by script and refuses every wrong signature. */
async function scripted(t: Test, answer: Answer) {
  const seen: URLSearchParams[] = []
  const server = createServer((incoming, outgoing) => {
    let body = ''
    incoming.on('data', (part: Buffer) => (body += part.toString()))
    incoming.on('end', () => {
      const parameters = new URLSearchParams(body)
      seen.push(parameters)
      const good = incoming.method === 'POST' && parameters.get('signature') === expectedSignature(parameters)
      const refused = {
        status: 401,
        body: {
          errorresponse: {
            errorcode: 401,
            errortext: 'unable to verify user credentials and/or request signature',
          },
        },
      }
      const { status = 200, body: reply } = good ? answer(parameters) : refused
      outgoing.writeHead(status, { 'content-type': 'application/json' })
      outgoing.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/api`
  const api = (credentials = key) => clientOf({ url, ...credentials }, { now })
  return { api, seen }
}

const failureOf = async (attempt: Promise<unknown>): Promise<AppError> => {
  try {
    await attempt
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

void t.test('every value is signed as CloudStack reads it', async t => {
  const { api, seen } = await scripted(t, () => ({ body: { listzonesresponse: {} } }))
  for (const name of ["a b+c*d~e!f'g(h)i", 'Größe/日本&=?%', ''])
    await api().once('listZones', { name }, never)
  t.match(seen[0]?.get('expires'), '2026-11-23T12:10:00+0000')
  t.equal(seen[0]?.get('signatureversion'), '3')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      value =>
        decodeURIComponent(encodeValue(value)) === value && !/[^A-Za-z0-9.\-*_%]/.test(encodeValue(value)),
    ),
  )
  t.equal(
    (await failureOf(api({ ...key, secretKey: 'wrong' }).once('listZones', {}, never))).code,
    'CLOUDSTACK_REFUSED',
  )
})

void t.test('faults, failed jobs and answers that make no sense are named', async t => {
  const answers: Record<string, { status?: number; body: unknown }> = {
    refused: { status: 431, body: { refusedresponse: { errorcode: 431, errortext: 'bad parameter' } } },
    notjson: { body: '<html>' },
    odd: { body: { something: 1 } },
    queryAsyncJobResult: {
      body: {
        queryasyncjobresultresponse: {
          jobstatus: 2,
          jobresult: { errorcode: 530, errortext: 'no capacity' },
        },
      },
    },
  }
  const { api } = await scripted(t, parameters => answers[parameters.get('command') ?? ''] ?? { body: {} })
  t.match(await failureOf(api().once('refused', {}, never)), {
    code: 'CLOUDSTACK_FAULT',
    message: /bad parameter/,
  })
  t.equal((await failureOf(api().once('notjson', {}, never))).code, 'CLOUDSTACK_PROTOCOL')
  t.equal((await failureOf(api().once('odd', {}, never))).code, 'CLOUDSTACK_PROTOCOL')
  t.match(await api().awaitJob('start', 'j', never), {
    kind: 'failed',
    fault: { code: 'CLOUDSTACK_INTERNAL', message: /no capacity/ },
  })
  const nobody = clientOf({ url: 'http://127.0.0.1:1/client/api', ...key })
  const away = await failureOf(nobody.once('listZones', {}, never))
  t.match(away, { code: 'CLOUDSTACK_UNREACHABLE', effect: 'none' })
  t.notMatch(away.message, /secret/)
})

void t.test('a volume is found before it is made, attached once and removed once', async t => {
  let volume: Record<string, unknown> | undefined
  let polls = 0
  const commands: string[] = []
  const { api } = await scripted(t, parameters => {
    const command = parameters.get('command') ?? ''
    if (command !== 'queryAsyncJobResult' && command !== 'listVolumes') commands.push(command)
    const wrap = (fields: unknown) => ({ body: { [`${command.toLowerCase()}response`]: fields } })
    switch (command) {
      case 'listVolumes':
        return wrap(volume === undefined ? {} : { count: 1, volume: [volume] })
      case 'createVolume':
        volume = {
          id,
          name: parameters.get('name'),
          size: Number(parameters.get('size')) * 1024 ** 3,
          state: 'Allocated',
        }
        return wrap({ id, jobid: 'create' })
      case 'createTags':
        volume = {
          ...volume,
          tags: [{ key: parameters.get('tags[0].key'), value: parameters.get('tags[0].value') }],
        }
        return wrap({ jobid: 'tag' })
      case 'attachVolume':
        volume = { ...volume, virtualmachineid: parameters.get('virtualmachineid') }
        return wrap({ jobid: 'attach' })
      case 'detachVolume':
        volume = { ...volume, virtualmachineid: undefined }
        return wrap({ jobid: 'detach' })
      case 'deleteVolume':
        volume = undefined
        return wrap({ success: true })
      default:
        return wrap({ jobstatus: polls++ % 2 === 0 ? 0 : 1, jobresult: {} })
    }
  })
  const { volumes } = agentOf(api(), { zoneId: 'z', applianceVmId: 'oma', diskOfferingId: 'd' })
  const made = await volumes.ensure('ossea-1', 1024n ** 3n + 1n, never)
  t.match(made, { id, sizeBytes: 2n * 1024n ** 3n, vmId: undefined, isOurs: true })
  t.same(await volumes.ensure('ossea-1', 1n, never), made)
  t.same(await volumes.findByName('ossea', never), [], 'only the exact name')
  await volumes.ensureAttached(id, never)
  await volumes.ensureAttached(id, never)
  volume = { ...volume, virtualmachineid: 'somebody' }
  t.equal((await failureOf(volumes.ensureAttached(id, never))).code, 'VOLUME_BUSY')
  t.equal((await failureOf(volumes.remove(id, never))).code, 'VOLUME_BUSY')
  volume = { ...volume, virtualmachineid: 'oma' }
  await volumes.remove(id, never)
  await volumes.remove(id, never)
  t.same(commands, ['createVolume', 'createTags', 'attachVolume', 'detachVolume', 'deleteVolume'])
  t.equal((await failureOf(volumes.ensureAttached(id, never))).code, 'VOLUME_UNKNOWN')
})

void t.test(
  'an unknown id is absent, a volume on its way out is not adopted, a busy server is away',
  async t => {
    const text = `Invalid parameter id value=${id} due to incorrect long value format, or entity does not exist`
    const unknown = await scripted(t, () => ({
      status: 431,
      body: { listvolumesresponse: { errorcode: 431, errortext: text } },
    }))
    const place = { zoneId: 'z', applianceVmId: 'oma', diskOfferingId: 'd' }
    t.equal(await agentOf(unknown.api(), place).volumes.find(id, never), undefined)
    await agentOf(unknown.api(), place).volumes.remove(id, never)
    const volume = { id, name: 'ossea-1', size: 1024 ** 3, state: 'Expunging' }
    const dying = await scripted(t, () => ({ body: { listvolumesresponse: { count: 1, volume: [volume] } } }))
    t.same(await agentOf(dying.api(), place).volumes.findByName('ossea-1', never), [])
    const busy = await scripted(t, () => ({ status: 503, body: '<html>' }))
    t.equal((await failureOf(busy.api().once('listZones', {}, never))).code, 'CLOUDSTACK_UNREACHABLE')
  },
)

void t.test('a volume a job still works on is not acted on before the job has ended', async t => {
  const volume = { id, name: 'ossea-1', size: 1024 ** 3, state: 'Ready' }
  for (const end of ['attached', 'failed', 'forgotten'] as const) {
    let polls = 0
    let attached = false
    const commands: string[] = []
    const { api } = await scripted(t, parameters => {
      const command = parameters.get('command') ?? ''
      commands.push(command)
      if (command === 'attachVolume') attached = true
      const wrap = (fields: unknown, status = 200) => ({
        status,
        body: { [`${command.toLowerCase()}response`]: fields },
      })
      if (command === 'listVolumes') {
        // A list that lags behind may name the job even after its end.
        const job = polls < 3 || end === 'forgotten' ? { jobid: 'j', jobstatus: 0 } : {}
        const vm = attached || (end === 'attached' && polls >= 3) ? { virtualmachineid: 'oma' } : {}
        return wrap({ count: 1, volume: [{ ...volume, ...job, ...vm }] })
      }
      if (command !== 'queryAsyncJobResult') return wrap({ jobid: 'k' })
      polls += 1
      if (parameters.get('jobid') === 'k') return wrap({ jobstatus: 1, jobresult: {} })
      if (end === 'forgotten') return wrap({ errorcode: 431, errortext: 'entity does not exist' }, 431)
      if (polls < 3) return wrap({ jobstatus: 0 })
      return wrap({ jobstatus: end === 'attached' ? 1 : 2, jobresult: { errortext: 'no' } })
    })
    const { volumes } = agentOf(api(), { zoneId: 'z', applianceVmId: 'oma', diskOfferingId: 'd' })
    await volumes.ensureAttached(id, never)
    t.equal(commands.filter(command => command === 'attachVolume').length, end === 'attached' ? 0 : 1, end)
  }
})
