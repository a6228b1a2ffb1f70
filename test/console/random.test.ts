import process from 'node:process'
import t from 'tap'
import { frameView } from '../../console/panes/frame.js'
import { plainPrompt, plainText } from '../../console/plain/text.js'
import { type State } from '../../console/state.js'
import { widthOf } from '../../console/ui/cells.js'
import { drawView } from '../../console/ui/draw.js'
import { InputDecoder } from '../../console/ui/input.js'
import { update } from '../../console/update.js'
import { openFor, siteFor } from './open-console.js'
import { answered, homeOf, recordedSite } from './recorded.js'
import { randomInput, randomOf } from './random-keys.js'

const seeds = [1, 2, 3, 4]
/** `RANDOM_KEYS=25000` makes it the long run of 100,000 keys. */
const keysEach = Number(process.env['RANDOM_KEYS'] ?? 2500)

/** Whether the state before a deed shows that its word was typed. */
const wordTyped = ({ overlay }: State): boolean =>
  overlay?.kind === 'confirm' && overlay.typed !== null && overlay.typed.line.text === overlay.typed.wanted

/** Presses keys and draws every state; gives what a person would not forgive. */
function pressRandomly(
  seed: number,
  count: number,
): { readonly complaints: readonly string[]; readonly deeds: number } {
  const random = randomOf(seed)
  const site = recordedSite()
  const decoder = new InputDecoder(50, true)
  const complaints: string[] = []
  let state = homeOf(site)
  let deeds = 0
  let nowMs = 0
  for (let at = 0; at < count; at += 1) {
    nowMs += 600
    const text = randomInput(random)
    const events = [...decoder.feed(Buffer.from(text), nowMs), ...decoder.expire(nowMs + 100)]
    if (random(50) === 0)
      state = update(state, { kind: 'resized', cols: 1 + random(219), rows: 1 + random(64) }).state
    for (const event of events) {
      const before = state
      const step = update(state, event)
      state = answered(step.state, site)
      for (const action of step.actions) {
        if (action.kind !== 'do') continue
        deeds += 1
        if (action.deed.kind === 'cancel-pass' && !wordTyped(before))
          complaints.push(`${at}: cancelled without the word`)
        state = update(state, {
          kind: 'deed-ended',
          nowMs: state.nowMs,
          deed: action.deed,
          outcome: { kind: 'done' },
        }).state
        state = answered(state, site)
      }
    }
    const view = frameView(state)
    if (state.tier === 'plain') {
      if (![...plainText(view), plainPrompt(view)].every(line => /^[\x20-\x7e\n]*$/.test(line)))
        complaints.push(`${at}: plain text`)
      continue
    }
    const tier = state.tier
    const rows = drawView(view, state.size, tier).text().split('\n')
    if (rows.length !== state.size.rows) complaints.push(`${at}: ${rows.length} rows`)
    if (rows.some(row => widthOf(row, tier) > state.size.cols)) complaints.push(`${at}: a row is too long`)
  }
  for (let level = 0; level < 20; level += 1) state = update(state, { kind: 'key', key: 'escape' }).state
  if (state.screen.kind !== 'home' || state.overlay !== null) complaints.push('Esc does not lead home')
  return { complaints, deeds }
}

for (const seed of seeds) {
  void t.test(`seed ${seed}: ${keysEach} random keys and sizes`, async t => {
    const { complaints, deeds } = pressRandomly(seed, keysEach)
    t.same(complaints, [])
    t.ok(deeds > 0, 'it gets as far as deeds')
  })
}

void t.test('random keys into the real program: no child, no crash, no cancelled pass', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('Needs attention')
  const random = randomOf(7)
  for (let at = 0; at < 600; at += 1) {
    // Ctrl-T would lead to the plain tier, where the end of input is a way out.
    const text = randomInput(random)
    if (!['\u0014', 'T', '\u0004', '\u0003'].includes(text)) view.press(text)
    if (at % 40 === 0) view.resize(20 + random(200), 5 + random(60))
    if (at % 10 === 0) t.same(view.children(), [], `key ${at}`)
  }
  view.resize(80, 24)
  await view.until('it still draws', text => /UTC|Needs/.test(text), 30_000)
  t.equal(view.exit, null)
  t.same(
    agent.site.requests.filter(request => request.includes('cancellation')),
    [],
  )
  t.same(view.intrusions, [])
  t.ok(view.residentKib() < 130 * 1024, `resident ${Math.round(view.residentKib() / 1024)} MiB`)
})
