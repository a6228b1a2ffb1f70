import t from 'tap'
import { modesRestored, openListFor, siteFor } from './open-console.js'
import { key } from './pty-console.js'

void t.test('a storm of sizes down to 1x1 and back', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02')
  for (let round = 0; round < 60; round += 1) view.resize(1 + ((round * 37) % 219), 1 + ((round * 13) % 64))
  view.resize(30, 8)
  await view.shows('Needs 80x24, now 30x8.')
  view.resize(132, 43)
  await view.shows('erp-db-02', 'Capacity')
  view.resize(80, 24)
  await view.until('as before', text => text.includes('erp-db-02') && !text.includes('Capacity'))
  view.press('q')
  t.equal((await view.ended()).exitCode, 0)
})

void t.test('drawing tiers can be changed while it runs', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02', '██')
  view.press(key.ctrlT)
  await view.shows('Drawing: vt')
  view.press(key.ctrlT)
  await view.shows('Drawing: ascii', '[##')
  t.match(view.text(), /^[\n\x20-\x7e]*$/)
  view.press(key.ctrlT)
  await view.shows('Choices: number of a row', 'Message: Drawing: plain', 'Choice:')
  t.equal(view.terminal.buffer.active.type, 'normal', 'plain: the alternate screen is left')
  const start = view.raw.length
  view.press('home\r')
  await view.shows('Sections: home (here)', 'Needs attention:')
  t.notMatch(view.raw.slice(start), /\u001b/, 'plain: nothing that acts on a terminal')
  view.press('vms\r')
  await view.shows('Sections: home, vms (here)')
  view.press('T\r')
  await view.shows('Drawing: rich', '██')
  view.press(key.down)
  view.press(key.enter)
  await view.shows('VMs > erp-web-01')
  view.press('q')
  t.equal((await view.ended()).exitCode, 0)
  modesRestored(t, view)
})

void t.test('terminal types draw the same screen in what they have', async t => {
  const agent = await siteFor(t)
  for (const [term, lang, mark] of [
    ['linux', 'C.UTF-8', '██'],
    ['screen-256color', 'C.UTF-8', '██'],
    ['vt100', 'C', '[##'],
    ['xterm', 'C', '[##'],
    ['no-such-terminal', 'C.UTF-8', '[##'],
  ] as const) {
    const view = await openListFor(t, agent, { term, lang })
    await view.shows('erp-db-02', 'replicating', mark)
    if (mark === '[##') t.match(view.raw, /^[\x00-\x7f]*$/, `${term}: 7 bits only`)
    if (term === 'vt100') t.notMatch(view.raw, /\u001b\[[\d;]*3[0-7]m/, 'vt100: no colour')
    view.press('q')
    t.equal((await view.ended()).exitCode, 0, term)
  }
})
