import t from 'tap'
import { openListFor, siteFor } from './open-console.js'
import { key } from './pty-console.js'

void t.test('the agent dies and returns; the screen stays readable, actions are off', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-web-01')
  view.press(key.down)
  view.press(key.enter)
  await view.shows('VMs > erp-web-01')
  await agent.stop()
  await view.shows('The agent does not answer', 'Trying again', 'VMs > erp-web-01', '!! agent away')
  view.press('p')
  await view.shows('actions are off')
  t.same(agent.site.requests, [])
  await agent.start()
  await view.until(
    'the banner goes',
    text => text.includes('answers again') && !text.includes('does not answer'),
    20_000,
  )
  view.press('p')
  await view.shows('was started')
})

void t.test('started before the agent: says so, and opens when it is there', async t => {
  const agent = await siteFor(t)
  await agent.stop()
  const view = await openListFor(t, agent)
  await view.shows('its socket does not exist', 'Reading the VMs')
  await agent.start()
  await view.shows('erp-db-02')
})

void t.test('database down: the failure and what to do are shown over the old data', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02')
  agent.site.failReads = 'STORE_UNAVAILABLE'
  await view.shows('STORE_UNAVAILABLE', 'erp-db-02', 'stale')
  agent.site.failReads = null
  await view.until('it heals', text => !text.includes('STORE_UNAVAILABLE'))
})

void t.test('an answer that does not fit the contract is a message, not a crash', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02')
  agent.site.jobs[0]!.state = 'levitating' as never
  await view.shows('described the jobs', 'erp-db-02')
  agent.site.jobs[0]!.state = 'replicating'
  await view.until('it heals', text => !text.includes('described the jobs'))
})
