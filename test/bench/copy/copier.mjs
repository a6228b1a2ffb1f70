// The process the engine is measured in. It tells what a copy took of the machine, and how long the event loop was held.
import { readFileSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { copy } from '../../../dist/native/copy.js'

const mib = 1024 * 1024
const peakMib = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
const target = ({ socket, certificates }) => ({
  kind: 'unix',
  path: socket,
  exportName: '',
  ...(certificates === undefined
    ? {}
    : { tls: { mode: 'require', certificatesDir: certificates, verifyPeer: true } }),
})

async function run(request) {
  // 5: forget the peak so far (Linux, proc(5)).
  writeFileSync('/proc/self/clear_refs', '5')
  const idleMib = process.memoryUsage.rss() / mib
  const cpuBefore = process.cpuUsage()
  const loopBefore = performance.eventLoopUtilization()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const result = await copy({
    source: target(request.source),
    target: target(request.target),
    extents: request.extents.map(({ offset, length }) => ({
      offset: BigInt(offset),
      length: BigInt(length),
    })),
    targetIsZero: request.fresh,
    ...request.options,
  })
  const seconds = (performance.now() - started) / 1000
  delay.disable()
  const { active } = performance.eventLoopUtilization(loopBefore)
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    seconds,
    rssMib: peakMib() - idleMib,
    cpuSeconds: (user + system) / 1e6,
    loopBusyMs: active,
    loopHeldMs: Math.max(0, delay.max / 1e6 - 1),
    result,
  }
}

process.on('message', request => {
  run(request).then(
    answer => process.send(answer),
    error => process.send({ error: error.stack }),
  )
})
process.send('ready')
