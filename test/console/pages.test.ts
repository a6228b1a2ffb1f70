import Value from 'typebox/value'
import t from 'tap'
import { RequestVolumeOperation } from '../../agent/api/volumes.js'
import { AppError } from '../../agent/errors.js'
import { demoClient } from '../../console/demo/client.js'
import { bindings } from '../../console/keymap.js'
import { features } from '../../console/pages/registry.js'
import { kindWords, requestOf } from '../../console/pages/volume-forms.js'
import { frameView } from '../../console/panes/frame.js'
import { answerFor } from '../../console/plain/answer.js'
import { lineCells } from '../../console/plain/text.js'
import { tiers } from '../../console/tier.js'
import { widthOf } from '../../console/ui/cells.js'
import { driven, drivenNowMs } from './driven.js'
import { golden } from './golden.js'
import { pageScenes } from './page-scenes.js'

const shapes = [
  ...tiers.map(tier => ({ tier, cols: 80, rows: 24 })),
  ...(['rich', 'vt', 'ascii'] as const).map(tier => ({ tier, cols: 132, rows: 43 })),
]

for (const [name, keys] of Object.entries(pageScenes)) {
  void t.test(`${name} in every tier and size`, async t => {
    const texts: string[] = []
    for (const shape of shapes) {
      const console = await driven(t, shape)
      await console.press(...keys)
      const text = console.picture()
      const lines = text.split('\n')
      const { tier, cols, rows } = shape
      if (tier !== 'plain') t.equal(lines.length, rows)
      const widest = tier === 'plain' ? lineCells : cols
      t.ok(
        lines.every(line => widthOf(line, tier === 'plain' ? 'ascii' : tier) <= widest),
        `${tier} ${cols}: no row is too long`,
      )
      if (tier === 'ascii' || tier === 'plain') t.match(text, /^[\n\x20-\x7e]*$/, `${tier}: 7 bits`)
      if (tier !== 'plain') t.match(lines.at(-1), /\S/, 'there are keys to press')
      texts.push(`=== ${tier} ${cols}x${rows}\n${text}\n`)
    }
    golden(t, `page-${name}`, texts.join('\n'))
  })
}

void t.test('one key means one thing on every page, and no page is out of reach', async t => {
  const pages = features.flatMap(feature => feature.pages)
  const links = features.flatMap(feature => feature.links)
  const keysOf = (context: string) =>
    bindings.filter(binding => binding.contexts.some(each => each === context)).flatMap(each => each.keys)
  for (const page of pages) {
    const keys = [...keysOf('page'), ...page.actions.map(action => action.key)]
    t.equal(new Set(keys).size, keys.length, page.name)
  }
  for (const context of ['home', 'vms', 'vm', 'jobs', 'job'] as const) {
    const keys = [
      ...keysOf(context),
      ...links.filter(link => link.from.includes(context)).map(link => link.key),
    ]
    t.equal(new Set(keys).size, keys.length, context)
  }
  t.equal(new Set(pages.map(page => page.name)).size, pages.length, 'names are unique')
  const reached = new Set<string>()
  for (const keys of Object.values(pageScenes)) {
    const console = await driven(t)
    await console.press(...keys)
    if (console.state.screen.kind === 'page') reached.add(console.state.screen.page)
    console.stop()
  }
  t.same([...reached].sort(), pages.map(page => page.name).sort())
})

void t.test('Esc leads out of every page to where it was opened', async t => {
  for (const [name, keys] of Object.entries(pageScenes)) {
    const console = await driven(t)
    await console.press(...keys, ...Array.from({ length: 9 }, () => 'escape'))
    t.same([name, console.state.screen, console.state.overlay], [name, { kind: 'home' }, null])
    t.same(console.state.readings, {}, 'nothing is kept of pages that were left')
    console.stop()
  }
})

void t.test('what a form sends is what the API takes', async t => {
  const id = '58c10001-2000-4000-8000-0123456789ab'
  for (const kind of Object.keys(kindWords) as (keyof typeof kindWords)[]) {
    const values = { volumeId: id, vmId: id, sizeGib: '12', label: 'a-label' }
    t.ok(Value.Check(RequestVolumeOperation, requestOf(kind, values, 'key-12345')), kind)
    for (const field of kindWords[kind].fields) {
      if (field.kind !== 'text') continue
      t.equal(field.check(values[field.id as keyof typeof values]), null, `${kind} ${field.id}`)
      t.type(field.check('\u001b[31m;'), 'string', `${kind} ${field.id} refuses nonsense`)
    }
  }
  t.equal(requestOf('create', { sizeGib: '12' }, 'key-12345').kind, 'create')
  t.match(requestOf('create', { sizeGib: '12' }, 'key-12345'), { sizeBytes: String(12n << 30n) })
  t.match(requestOf('attach', { volumeId: id }, 'key-12345'), { vmId: null })
})

void t.test('a lost answer is asked for again under the same key, other words under another', async t => {
  const sent: { idempotencyKey: string }[] = []
  const demo = demoClient(() => drivenNowMs)
  const client = {
    ...demo,
    volumes: {
      ...demo.volumes,
      operate: (request: RequestVolumeOperation) => {
        sent.push(request)
        return Promise.reject(new AppError('VOLUME_IN_USE', 'volume'))
      },
    },
  }
  const console = await driven(t, { client })
  await console.press('4', 'n', '7', 'f10')
  t.match(console.picture(), /VOLUME_IN_USE/, 'the refusal stands on the form')
  t.match(console.picture(), /\[7 /, 'with what was typed')
  await console.press('f10', '1', 'f10')
  t.equal(sent.length, 3)
  t.equal(sent[0]?.idempotencyKey, sent[1]?.idempotencyKey)
  t.not(sent[1]?.idempotencyKey, sent[2]?.idempotencyKey)
})

void t.test(
  'CloudStack: confirmed first, chosen by name, saved under the revision that was read',
  async t => {
    const saved: unknown[] = []
    const discovered: unknown[] = []
    const demo = demoClient(() => drivenNowMs)
    const client: typeof demo = {
      ...demo,
      discoverCloudstack: body => {
        discovered.push(body)
        return demo.discoverCloudstack(body)
      },
      saveCloudstackConfiguration: body => {
        saved.push(body)
        return demo.saveCloudstackConfiguration(body)
      },
    }
    const console = await driven(t, { client })
    await console.press('5', 'c', 'f10')
    await console.press('tab')
    await console.type('canary-api-key')
    await console.press('tab')
    await console.type('canary-secret-key')
    t.notMatch(console.picture(), /canary/, 'keys do not show')
    await console.press('f10')
    t.same(discovered, [], 'an unconfirmed server gets no keys')
    t.match(console.picture(), /must be confirmed/)
    await console.press(' ', 'f10')
    t.match(discovered, [{ thumbprintSha256: /^4F:1A/, apiKey: 'canary-api-key' }])
    t.match(console.picture(), /step 3 of 3/)
    t.match(console.picture(), /zone-west/)
    await console.press('right', 'f10')
    t.match(console.picture(), /This network is in another zone/)
    await console.press('left', 'left', 'f10')
    t.match(console.picture(), /This network is in another zone/, 'the network has the keyboard')
    await console.press('escape')
    t.match(console.picture(), /step 2 of 3/, 'back')
    t.notMatch(
      JSON.stringify({ ...console.state, rates: [] }),
      /canary/,
      'the keys were dropped with the form they stood in',
    )
    t.same(saved, [])
    await console.press('escape', 'escape')
    await console.press('c', 'f10', ' ', 'tab', 'k', 'tab', 's', 'f10', 'f10')
    t.match(saved, [
      { expectedRevision: 3, apiKey: 'k', secretKey: 's', choice: { zoneId: 'z1', networkId: 'n1' } },
    ])
    t.match(console.picture(), /revision 4/)
  },
)

void t.test('VMs are added in bulk, by mark and by filter, and shown as added at once', async t => {
  const console = await driven(t)
  await console.press('2', 'a', '/')
  await console.type('managed:no')
  await console.press('enter', '*')
  t.match(console.picture(), /2 marked, 2 rows/)
  await console.press('a')
  t.match(console.picture(), /Add 2 VMs\?[^]*lab-7, old-print/)
  await console.press('enter')
  t.match(console.picture(), /Nothing was changed/, 'the first button changes nothing')
  await console.press('a', 'tab', 'enter')
  t.match(console.picture(), /2 added, 0 were there, 0 failed/)
  t.match(console.picture(), /Nothing matches the filter/, 'none is left')
})

void t.test('a form that was left is not opened again by a late answer', async t => {
  let answer: () => void = () => undefined
  const demo = demoClient(() => drivenNowMs)
  const client: typeof demo = {
    ...demo,
    cloudstackCertificate: async body => {
      await new Promise<void>(resolve => {
        answer = resolve
      })
      return demo.cloudstackCertificate(body)
    },
  }
  const console = await driven(t, { client })
  await console.press('5', 'c')
  console.send({ kind: 'key', key: 'f10' })
  console.send({ kind: 'key', key: 'escape' })
  await new Promise(resolve => setImmediate(resolve))
  answer()
  await console.settled()
  t.equal(console.state.overlay, null)
  t.match(console.picture(), /nothing was changed/)
})

void t.test('a slow or refused reading stops nothing else', async t => {
  const demo = demoClient(() => drivenNowMs)
  const client: typeof demo = {
    ...demo,
    validateCloudstack: () => Promise.reject(new AppError('CLOUDSTACK_NOT_CONFIGURED', 'no configuration')),
  }
  const console = await driven(t, { client })
  await console.press('5')
  t.match(console.picture(), /CLOUDSTACK_NOT_CONFIGURED/)
  t.match(console.picture(), /cloud\.example/, 'what was read is shown')
  t.equal(console.state.link.kind, 'up')
})

void t.test('an answer that does not fit the contract is not shown', async t => {
  const demo = demoClient(() => drivenNowMs)
  const client = { ...demo, runPreflight: () => Promise.resolve({ findings: 'all well' } as never) }
  const console = await driven(t, { client })
  await console.press('2', 'enter', 'f')
  t.match(console.picture(), /INTERNAL_BUG/)
  t.notMatch(console.picture(), /all well/)
})

void t.test('plain: a form is asked line by line, secrets without an echo', async t => {
  const console = await driven(t, { tier: 'plain' })
  const secrets: boolean[] = []
  const answer = async (typed: string): Promise<void> => {
    secrets.push(frameView(console.state).question?.secret ?? false)
    const given = answerFor(console.state, typed)
    t.ok(given.ok, typed)
    if (given.ok) for (const event of given.events) console.send(event)
    await console.settled()
  }
  await answer('setup')
  await answer('c')
  t.match(console.picture(), /Address: https:.*\nEnter keeps it/)
  await answer('')
  await answer('')
  t.match(console.picture(), /1 Show certificate, 2 Back/)
  await answer('1')
  t.match(console.picture(), /step 2 of 3[^]*1 not compared[^]*2 yes/)
  await answer('2')
  await answer(' canary key ')
  await answer('canary secret')
  t.same(secrets, [false, false, false, false, false, false, true, true])
  t.notMatch(console.picture(), /canary/)
  await answer('1')
  t.match(console.picture(), /step 3 of 3[^]*zone-west/)
  t.notOk(answerFor(console.state, '9').ok, 'none of the choices')
  await answer('<')
  t.match(console.picture(), /step 2 of 3/)
})

void t.test('nothing is taken from anybody before the whole word was typed', async t => {
  for (const [name, keys] of Object.entries(pageScenes)) {
    const asked = await driven(t)
    await asked.press(...keys)
    const { overlay } = asked.state
    if (overlay?.kind !== 'question' || overlay.typed === null) {
      asked.stop()
      continue
    }
    const before = asked.picture()
    await asked.press('tab', 'enter')
    t.equal(asked.state.overlay?.kind, 'question', `${name}: not without the word`)
    await asked.type(overlay.typed.wanted.slice(0, -1))
    await asked.press('enter')
    t.equal(asked.state.overlay?.kind, 'question', `${name}: not with a part of it`)
    asked.send({ kind: 'paste', text: overlay.typed.wanted.slice(-1) })
    await asked.press('enter')
    t.equal(asked.state.overlay?.kind, 'question', `${name}: not with a pasted one`)
    t.match(before, /Type \S+ to go on/)
    await asked.type(overlay.typed.wanted.slice(-1))
    await asked.press('enter')
    t.equal(asked.state.overlay, null, `${name}: with the word`)
    t.equal(asked.state.message?.tone, 'good', `${name}: ${asked.state.message?.text ?? ''}`)
    asked.stop()
  }
})
