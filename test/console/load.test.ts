import t from 'tap'
import { runPass, vmOf } from './fake-agent.js'
import { openListFor, siteFor } from './open-console.js'
import { key } from './pty-console.js'
import { until } from '../lib/until.js'

void t.test('1,000 and 5,000 VMs: quick keys, little memory', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  for (let number = 10; site.vms.length < 1000; number += 1) site.vms.push(vmOf(number, `web-${number}`))
  const view = await openListFor(t, agent)
  await view.shows('1000 VMs')
  runPass(site, 'job-2', Date.now())
  await view.until('a poll was drawn', text => text.split('replicating').length === 3)
  const kib = view.residentKib()
  t.comment(`resident with 1,000 VMs: ${Math.round(kib / 1024)} MiB`)
  t.ok(kib < 100 * 1024, 'under 100 MiB')
  for (let number = 2000; site.vms.length < 5000; number += 1) site.vms.push(vmOf(number, `app-${number}`))
  await view.shows('5000 VMs')
  const times: number[] = []
  for (let press = 0; press < 20; press += 1) {
    const before = view.text()
    const start = performance.now()
    view.press(press % 2 === 0 ? key.pageDown : key.down)
    await until('the key is drawn', () => view.text() !== before)
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  t.comment(
    `key to screen with 5,000 VMs: median ${times[10]!.toFixed(1)} ms, worst ${times.at(-1)!.toFixed(1)} ms`,
  )
  t.ok(times[10]! < 100, 'keys stay quick')
  t.comment(`resident with 5,000 VMs: ${Math.round(view.residentKib() / 1024)} MiB`)
  t.same(view.children(), [])
})
