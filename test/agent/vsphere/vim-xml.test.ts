import fc from 'fast-check'
import t from 'tap'
import { isBalanced } from '../../../agent/vsphere/balanced.js'
import { disksOf } from '../../../agent/vsphere/devices.js'
import {
  child, element, flag, parseEnvelope, refOf, textOf, typed, typeOf, wholeOf, writeEnvelope,
  type Element,
} from '../../../agent/vsphere/vim-xml.js' // prettier-ignore
import { parseXml } from '../../../lab/vcenter/xml.js'
import { soap } from './stranger.js'

const xmlText = fc.string({ unit: 'binary', maxLength: 30 }).map(text => text.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')) // prettier-ignore

void t.test('what is written is read back, whatever the text', async t => {
  fc.assert(
    fc.property(xmlText, xmlText, (name, value) => {
      const sent = writeEnvelope('Login', { type: 'SessionManager', id: 'x' }, [
        element('userName', name),
        element('password', value),
      ])
      const call = child(parseEnvelope(sent, 'test'), 'Login')
      return textOf(call, 'userName') === name && textOf(call, 'password') === value
    }),
  )
  t.throws(() => writeEnvelope('Login', { type: 'a', id: 'b' }, [element('userName', 'a\u0000b')]), {
    code: 'REQUEST_INVALID',
  })
})

void t.test('elements keep their order, `_this` first, and carry their types', async t => {
  const args: Element[] = [
    element('b', 1n << 60n),
    element('a', true),
    typed('selectSet', 'TraversalSpec', [element('name', 'x'), element('type', 'y')]),
    element('obj', { type: 'Task', id: 't"1' }),
  ]
  const call = parseXml(writeEnvelope('M', { type: 'T', id: 'i' }, args)).children[0]!.children[0]!
  t.strictSame(
    call.children.map(one => one.name),
    ['_this', 'b', 'a', 'selectSet', 'obj'],
  )
  t.ok(call.children.every(one => one.namespace === 'urn:vim25'))
  t.match(writeEnvelope('M', { type: 'T', id: 'i' }, args), /<selectSet xsi:type="TraversalSpec"><name>/)
  t.match(
    writeEnvelope('M', { type: 'T', id: 'i' }, args),
    /<obj type="Task" xsi:type="ManagedObjectReference">t&quot;1<\/obj>/,
  )
})

void t.test('the type of a reference and the type of its value are two things', async t => {
  const body = parseEnvelope(
    soap('<v:r type="VirtualMachine" i:type="v:ManagedObjectReference"> vm-1 </v:r><n>9007199254740993</n>'),
    'test',
  )
  t.strictSame(refOf(child(body, 'r'), 'test'), { type: 'VirtualMachine', id: 'vm-1' })
  t.equal(typeOf(child(body, 'r')), 'ManagedObjectReference')
  t.equal(wholeOf(body, 'n'), 9007199254740993n)
  t.throws(() => wholeOf(parseEnvelope(soap('<n>1e3</n>'), 'test'), 'n'), { code: 'VSPHERE_PROTOCOL' })
  t.throws(() => flag('maybe'), { code: 'VSPHERE_PROTOCOL' })
  t.throws(() => refOf(child(body, 'n'), 'test'), { code: 'VSPHERE_PROTOCOL' })
  t.equal(child(parseEnvelope(soap('<n/>'), 'test'), 'constructor'), undefined)
})

void t.test('tags that do not match', async t => {
  const nested = soap('<objects><a>1</a><objects><a>2</a></objects>')
  t.throws(() => parseEnvelope(nested, 'test'), { code: 'VSPHERE_PROTOCOL', message: /not well-formed/ })
  t.throws(() => parseEnvelope(`<!DOCTYPE a>${soap('<a/>')}`, 'test'), {
    code: 'VSPHERE_PROTOCOL',
    message: /document type/,
  })
  for (const text of ['<a><b></a></b>', '<a>', '</a>', '<a b="<"/></c>', '<a><b></a>', '<a', '<a>1 < 2</a>'])
    t.notOk(isBalanced(text), text)
  for (const text of ['<a b=">"/>', '<?x a?><a><!-- <b> --><![CDATA[<c>]]></a>', "<a:b c='\"'><d/></a:b >"])
    t.ok(isBalanced(text.replace(' >', '>')), text)
})

const disk = (key: number, controller: number, more: string, backing: string): string =>
  `<VirtualDevice i:type="v:VirtualDisk"><key>${key}</key><deviceInfo><label>Hard disk &amp; ${key}</label></deviceInfo>` +
  `<backing i:type="v:VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a/a.vmdk</fileName>${backing}</backing>` +
  `<controllerKey>${controller}</controllerKey>${more}</VirtualDevice>`

void t.test('which disks a snapshot freezes', async t => {
  const controller = (key: number, bus: string): string =>
    `<VirtualDevice i:type="v:ParaVirtualSCSIController"><key>${key}</key><sharedBus>${bus}</sharedBus></VirtualDevice>`
  const bytes = '<capacityInKB>1</capacityInKB><capacityInBytes>1536</capacityInBytes>'
  const body = parseEnvelope(
    soap(
      `<val>${controller(1000, 'noSharing')}${controller(1001, 'physicalSharing')}${[
        disk(1, 1000, bytes, '<diskMode>persistent</diskMode><sharing>sharingNone</sharing><uuid>u</uuid>'),
        disk(2, 1000, '<capacityInKB>3</capacityInKB>', '<diskMode>independent_persistent</diskMode>'),
        disk(3, 1001, bytes, '<diskMode>persistent</diskMode>'),
        disk(4, 1000, bytes, '<diskMode>persistent</diskMode><sharing>sharingMultiWriter</sharing>'),
        disk(
          5,
          1000,
          bytes,
          '<compatibilityMode>physicalMode</compatibilityMode><diskMode>persistent</diskMode>',
        ),
        disk(6, 1000, bytes, '<compatibilityMode>virtualMode</compatibilityMode><changeId>e/1</changeId>'),
      ].join('')}</val>`,
    ),
    'test',
  )
  const disks = disksOf(child(body, 'val'))
  t.strictSame(
    disks.map(one => one.snapshotable),
    [true, false, false, false, false, true],
  )
  t.match(disks[0], {
    key: '1',
    label: 'Hard disk & 1',
    capacityBytes: 1536n,
    backingUuid: 'u',
    changeId: null,
  })
  t.equal(disks[1]?.capacityBytes, 3072n)
  t.equal(disks[5]?.changeId, 'e/1')
  t.throws(() => disksOf(child(parseEnvelope(soap(`<val>${disk(1, 2, '', '')}</val>`), 't'), 'val')), {
    code: 'VSPHERE_PROTOCOL',
  })
})
