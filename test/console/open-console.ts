import { PtyConsole, type ConsoleOptions } from './pty-console.js'
import { type FakeAgent } from './fake-agent.js'
import { startSite } from './sites.js'

/** What the helpers need of a test. */
export interface Test {
  teardown(end: () => unknown): void
  equal(found: unknown, wanted: unknown, message: string): unknown
  ok(holds: boolean, message: string): unknown
}

export async function siteFor(t: Test): Promise<FakeAgent> {
  const agent = await startSite()
  t.teardown(() => agent.remove())
  return agent
}

export function openFor(t: Test, agent: FakeAgent, more: Partial<ConsoleOptions> = {}): PtyConsole {
  const view = new PtyConsole({ socketPath: agent.socketPath, ...more })
  t.teardown(() => view.dispose())
  return view
}

/** What a shell gets back: nothing may be left switched on. */
export function modesRestored(t: Test, view: PtyConsole): void {
  const { modes, buffer } = view.terminal
  t.equal(buffer.active.type, 'normal', 'the alternate screen is left')
  t.equal(modes.mouseTrackingMode, 'none', 'no mouse reports')
  t.equal(modes.bracketedPasteMode, false, 'no bracketed paste')
  t.equal(modes.applicationCursorKeysMode, false, 'no application keys')
  t.ok(view.raw.lastIndexOf('\u001b[?25h') > view.raw.lastIndexOf('\u001b[?25l'), 'the cursor is shown')
}

/** The same, once it shows the list of VMs. */
export async function openListFor(
  t: Test,
  agent: FakeAgent,
  more: Partial<ConsoleOptions> = {},
): Promise<PtyConsole> {
  const view = openFor(t, agent, more)
  await view.shows('Needs attention')
  view.press('2')
  return view
}
