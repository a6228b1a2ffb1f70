import fs from 'node:fs'
import t from 'tap'
import { runPass, vmOf } from './fake-agent.js'
import { openFor, openListFor, siteFor } from './open-console.js'
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
  view.press('r')
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

/** Seconds of processor time so far, in ticks of 1/100 s (proc(5): fields 14 and 15). */
function processorSeconds(pid: number): number {
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

void t.test('first paint soon after the start, and next to nothing to do when idle', async t => {
  const agent = await siteFor(t)
  for (const job of agent.site.jobs) job.currentPass = null
  const started = performance.now()
  const view = openFor(t, agent)
  await until('something is drawn', () => view.text().includes('OSSEA-Migrate'))
  const firstMs = performance.now() - started
  await view.shows('Needs attention', 'fin-share')
  t.comment(
    `first paint after ${Math.round(firstMs)} ms, data after ${Math.round(performance.now() - started)} ms`,
  )
  t.ok(firstMs < 2000, 'far from the 150 ms of an idle machine is still wrong')
  const { pid } = view.process
  const before = processorSeconds(pid)
  const from = performance.now()
  await until('5 s went by', () => performance.now() - from > 5000)
  const share = (processorSeconds(pid) - before) / ((performance.now() - from) / 1000)
  t.comment(`idle: ${(share * 100).toFixed(1)} % of a processor`)
  t.ok(share < 0.05)
})
