import { readFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { execa } from 'execa'
import t from 'tap'
import { VcenterSimulator } from '../../lab/vcenter/simulator.js'
import { temporaryDir } from '../lib/nbdkit.js'

const envelope = (body: string): string =>
  `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>${body}</e:Body></e:Envelope>`

interface Reply {
  readonly status: number
  readonly text: string
  readonly cookie: string | undefined
}

/** Raw SOAP as a foreign client sends it; the certificate is the simulator's own. */
const post = (ca: string, url: string, body: string, cookie?: string): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'text/xml; charset=utf-8',
      soapaction: 'urn:vim25/8.0.1.0',
      ...(cookie === undefined ? {} : { cookie }),
    }
    const outgoing = httpsRequest(url, { method: 'POST', headers, ca }, reply => {
      let text = ''
      reply.on('data', (part: Buffer) => (text += part.toString()))
      reply.on('end', () =>
        resolve({
          status: reply.statusCode ?? 0,
          text,
          cookie: reply.headers['set-cookie']?.[0]?.split(';')[0],
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(envelope(body))
  })

const login = (user: string, password: string): string =>
  `<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>${user}</userName><password>${password}</password></Login>`

void t.test('sessions of the simulated vCenter', async t => {
  const directory = await temporaryDir(t)
  const simulator = await VcenterSimulator.start({ directory, vms: [], generatedVms: 3, writer: null })
  t.teardown(() => simulator.close())
  const { url, user, password } = simulator
  const ca = (await execa('/usr/bin/find', [directory, '-name', 'certificate.pem'])).stdout
  const certificate = await readFile(ca, 'utf8')

  const content = await post(
    certificate,
    url,
    '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>',
  )
  t.equal(content.status, 200)
  t.match(content.text, /<apiType>VirtualCenter<\/apiType>/)

  const refused = await post(certificate, url, login(user, 'wrong'))
  t.equal(refused.status, 500)
  t.match(refused.text, /InvalidLogin/)

  const time =
    '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>'
  t.match((await post(certificate, url, time)).text, /NotAuthenticated/)
  const good = await post(certificate, url, login(user, password))
  t.equal(good.status, 200)
  t.match(good.cookie, /vmware_soap_session=/)
  t.equal((await post(certificate, url, time, good.cookie)).status, 200)

  const swapped = `<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><password>${password}</password><userName>${user}</userName></Login>`
  t.equal((await post(certificate, url, swapped)).status, 500, 'elements out of order')
  const unknown =
    '<FlyToTheMoon xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></FlyToTheMoon>'
  t.equal((await post(certificate, url, unknown, good.cookie)).status, 500)
})
