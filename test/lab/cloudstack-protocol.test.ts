import t from 'tap'
import { exchange, inMinutes, javaEncode, RawCloudstack, type CallOptions } from './cloudstack-client.js'
import { startCloud } from './cloudstack-fixture.js'

const refusedText = 'unable to verify user credentials and/or request signature'
const traps = 'a+b c~d*e\'f"(g)!h%i/j=k&l?m Größe 日本 \u{1f4be} AbC'

void t.test('both versions of the signature are taken by GET and by POST', async t => {
  const { client } = await startCloud(t)
  for (const method of ['GET', 'POST'] as const) {
    for (const version of ['1', '3'] as const) {
      const options = { method, version }
      t.same(await client.call('listZones', { name: traps }, options), {}, `${method} ${version}`)
      t.match(await client.call('listZones', { keyword: 'ZONE-1' }, options), { count: 1 })
      // Names of parameters in upper case sort before the others, as CloudStack sorts them.
      t.match(await client.call('listZones', { NAME: 'zone-2', Available: 'true' }, options), { count: 1 })
    }
  }
  t.match(await client.call('listZones', {}, { method: 'POST', query: { name: 'zone-1' } }), { count: 1 })
})

void t.test('a request that is not signed right is refused with one text', async t => {
  const { client } = await startCloud(t)
  const cases: readonly (readonly [string, CallOptions])[] = [
    ['wrong secret', { secretKey: 'wrong' }],
    ['unknown key', { apiKey: 'nobody' }],
    ['no lower-casing', { stringToSign: pairs => pairs.join('&') }],
    ['unsorted', { stringToSign: pairs => [...pairs].reverse().join('&').toLowerCase() }],
    [
      'sorted in lower case',
      {
        stringToSign: pairs =>
          [...pairs]
            .map(p => p.toLowerCase())
            .sort()
            .join('&'),
      },
    ],
    ['plus for a space', { stringToSign: pairs => pairs.join('&').toLowerCase().replaceAll('%20', '+') }],
    ['tilde left as it is', { stringToSign: pairs => pairs.join('&').toLowerCase().replaceAll('%7e', '~') }],
    ['star encoded', { stringToSign: pairs => pairs.join('&').toLowerCase().replaceAll('*', '%2a') }],
    ['expired', { expires: inMinutes(-1) }],
    ['expires in another form', { expires: 'in an hour' }],
    ['expires without a zone', { expires: inMinutes(5).slice(0, 19) }],
    ['no such day', { expires: '2099-02-31T00:00:00+0000'.replace('02-31', '13-31') }],
    ['empty signature', { signature: '' }],
    ['short signature', { signature: 'AAAA' }],
  ]
  for (const [what, options] of cases) {
    const { status, text, headers } = await client.send(
      'listZones',
      { name: traps, Available: 'true' },
      options,
    )
    t.equal(status, 401, what)
    t.equal(headers['content-type'], 'application/json; charset=UTF-8')
    t.same(
      JSON.parse(text),
      { listzonesresponse: { uuidList: [], errorcode: 401, errortext: refusedText } },
      what,
    )
  }
  const unknown = await client.send('listNothing')
  t.equal(unknown.status, 401)
  t.match(JSON.parse(unknown.text), { errorresponse: { errorcode: 401, errortext: refusedText } })
  t.equal((await exchange(client.url, 'GET')).status, 401, 'no command at all')
})

void t.test('expires is judged with version 3 only, and in every zone', async t => {
  const { client } = await startCloud(t, { nowMs: () => Date.parse('2026-06-01T12:00:00Z') })
  const status = async (options: CallOptions, parameters = {}) =>
    (await client.send('listZones', parameters, options)).status
  t.equal(await status({ expires: '2026-06-01T12:00:00+0000' }), 200)
  t.equal(await status({ expires: '2026-06-01T11:59:59+0000' }), 401)
  t.equal(await status({ expires: '2026-06-01T12:00:00Z' }), 200)
  t.equal(await status({ expires: '2026-06-01T13:59:59+0200' }), 401)
  t.equal(await status({ expires: '2026-06-01T07:00:01-0500' }), 200)
  t.equal(await status({ version: '1' }, { expires: '2000-01-01T00:00:00+0000' }), 200)
  t.equal(await status({ version: '1' }, { SIGNATUREVERSION: '3' }), 401, 'version 3 needs expires')
})

void t.test('POST and timestamps can be required', async t => {
  const { client, ids } = await startCloud(t, { requirePostAndTimestamps: true })
  t.equal((await client.send('listZones', {}, { version: '1' })).status, 401)
  t.equal((await client.send('listZones', {}, { expires: inMinutes(20) })).status, 401)
  t.equal((await client.send('listZones')).status, 200)
  t.equal((await client.send('stopVirtualMachine', { id: ids.applianceVm })).status, 405)
  t.equal((await client.send('stopVirtualMachine', { id: ids.applianceVm }, { method: 'POST' })).status, 200)
})

void t.test('parameters are checked with the texts of CloudStack', async t => {
  const { client, ids } = await startCloud(t)
  const refusal = async (command: string, parameters: Readonly<Record<string, string>>) => {
    const { status, text, headers } = await client.send(command, parameters, { method: 'POST' })
    t.equal(status, 431, text)
    const whole = JSON.parse(text) as Record<string, Record<string, unknown>>
    const body = whole[`${command.toLowerCase()}response`]
    t.match(body, { uuidList: [], errorcode: 431, cserrorcode: Number })
    t.equal(headers['x-description'], body?.['errortext'])
    return String(body?.['errortext'])
  }
  t.equal(
    await refusal('attachVolume', { virtualmachineid: ids.applianceVm }),
    'Unable to execute API command attachvolume due to missing parameter id',
  )
  for (const id of ['', 'x', '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0', ids.zone])
    t.match(
      await refusal('deleteVolume', { id }),
      `Invalid parameter id value=${id} due to incorrect long value format, or entity does not exist`,
    )
  t.match(await refusal('listVolumes', { ids: `${ids.zone},y` }), /Invalid parameter ids value=/)
  const volume = { zoneid: ids.zone, diskofferingid: ids.customDiskOffering, name: 'v' }
  for (const size of ['', 'ten', '1.5', '1e3', '99999999999999999999'])
    t.match(
      await refusal('createVolume', { ...volume, size }),
      `due to invalid value ${size} for parameter size`,
    )
  for (const size of ['0', '-1', '1025'])
    t.match(await refusal('createVolume', { ...volume, size }), 'is out of allowed range')
  t.match(await refusal('createVolume', volume), 'requires a custom size')
  t.match(
    await refusal('createVolume', { ...volume, diskofferingid: ids.smallDiskOffering, size: '9' }),
    'does not allow custom size',
  )
  t.match(await refusal('createVolume', { name: 'v', zoneid: ids.zone, size: '1' }), 'disk Offering Id')
  t.match(await refusal('listVolumes', { listall: 'yes' }), 'invalid value yes for parameter listall')
  t.match(
    await refusal('listVolumes', { vmid: 'x', colour: 'red' }),
    'Unknown parameters for command listVolumes: colour vmid',
  )
  t.match(await refusal('listVolumes', { name: 'a\u0000b' }), 'illegal ASCII non-printable characters')
  t.match(await refusal('listVolumes', { name: 'x'.repeat(256) }), 'max allowed length 255')
  t.match(await refusal('listVolumes', { tags: 'x' }), 'for parameter tags')
  t.match(await refusal('listVolumes', { 'tags[0': 'x' }), 'Unable to decode parameter')
  t.match(await refusal('listVolumes', { page: '1' }), '"pagesize" parameter is required')
  t.match(await refusal('listVolumes', { pagesize: '1' }), '"page" parameter is required')
  t.match(await refusal('listVolumes', { page: '1', pagesize: '501' }), 'Page size can not exceed')
  t.match(await refusal('detachVolume', {}), 'either a volume id, or a tuple')

  const lenient = await startCloud(t, { strictParameters: false })
  t.match(await lenient.client.call('listVolumes', { colour: 'red', listall: 'yes' }), { count: 1 })
})

void t.test('answers are XML unless JSON is asked for', async t => {
  const { client } = await startCloud(t, { applianceVm: { name: `<&"'> \u0001` } })
  const zones = await client.send('listZones', { name: 'zone-1' }, { response: null })
  t.equal(zones.headers['content-type'], 'text/xml; charset=UTF-8')
  t.match(
    zones.text,
    /^<\?xml version="1.0" encoding="UTF-8"\?><listzonesresponse cloud-stack-version="[\d.]+"><count>1<\/count><zone><id>/,
  )
  const vms = await client.send('listVirtualMachines', {}, { response: 'xml' })
  t.match(vms.text, '<name>&lt;&amp;&quot;&apos;&gt; \ufffd</name>')
  const wrong = await client.send('listZones', {}, { response: null, secretKey: 'x' })
  t.match(wrong.text, `<errorcode>401</errorcode><errortext>${refusedText}</errortext></listzonesresponse>`)
})

void t.test('malformed, oversized and misplaced requests do no harm', async t => {
  const { client, cloud } = await startCloud(t)
  t.equal((await exchange(`${client.url}?command=listZones&name=%zz`, 'GET')).status, 400)
  t.equal((await exchange(client.url, 'POST', 'x='.padEnd(1024 * 1024 + 1, 'y'))).status, 413)
  t.equal((await exchange(client.url, 'PUT', 'command=listZones')).status, 405)
  t.equal((await exchange(client.url.replace('/client/api', '/client'), 'GET')).status, 404)
  const form = client.pairs('listZones', {}, {}).join('&')
  t.equal((await exchange(client.url, 'POST', form, 'text/plain')).status, 401, 'a body that is no form')
  t.equal((await exchange(client.url, 'POST', form)).status, 200)
  t.equal(
    (await exchange(`${client.url}?${form}&${form}`, 'GET')).status,
    431,
    'parameters given more than once',
  )
  t.equal((await exchange(`${client.url}?&&=&=x&${javaEncode('\u0000')}`, 'GET')).status, 401)
  t.same(cloud.bugs, [])
  t.equal((await new RawCloudstack(cloud).send('listZones')).status, 200)
})

void t.test('a programming error answers 530 and is kept', async t => {
  const { client, cloud } = await startCloud(t)
  cloud.site.vms.set('broken', null as never)
  const { status, text } = await client.send('listVirtualMachines')
  t.equal(status, 530)
  t.match(JSON.parse(text), { listvirtualmachinesresponse: { errorcode: 530, errortext: String } })
  t.equal(cloud.bugs.length, 1)
  cloud.site.vms.delete('broken')
})
