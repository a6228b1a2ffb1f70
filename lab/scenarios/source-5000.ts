import { readFile } from 'node:fs/promises'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type Scenario } from './scenario.js'

const vmCount = 5000
const maxCpuSeconds = 3
const maxMemoryBytes = 200 * 1024 * 1024
/** USER_HZ of Linux, which /proc counts CPU time in. */
const ticksPerSecond = 100
const scans = 3

/** The VMA reads an inventory of thousands of VMs; what it costs is read from /proc, not from its own counters. */
export const source5000: Scenario = {
  name: 'source-5000',
  title: `discovery of ${vmCount} VMs: CPU, memory and bytes of the VMA`,
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [], generatedVms: vmCount, writer: null })
    const pid = site.product.pid('vma')
    const first = scanned(site) + 1
    await untilScans(site, first)
    const before = await usageOf(pid)
    await untilScans(site, first + scans)
    const after = await usageOf(pid)
    const cpuSeconds = (after.cpuSeconds - before.cpuSeconds) / scans
    const receivedBytes = Math.round((after.readBytes - before.readBytes) / scans)
    const known = await knownVms(site)
    checks.equal('the OMA knows every VM', known, vmCount)
    checks.that(`CPU of a scan below ${maxCpuSeconds} s`, cpuSeconds < maxCpuSeconds, `${cpuSeconds} s`)
    const peak = after.peakMemoryBytes
    checks.that('peak memory below 200 MiB', peak < maxMemoryBytes, `${Math.round(peak / 1024 ** 2)} MiB`)
    say(`a scan read ${Math.round(receivedBytes / 1024)} KiB`)
    return {
      vms: known,
      cpuSecondsPerScan: cpuSeconds,
      peakMemoryBytes: peak,
      receivedBytesPerScan: receivedBytes,
    }
  },
}

/** A scan makes and destroys two views: of the places, and of the VMs. */
const scanned = (site: LabSite): number =>
  Math.floor(site.vcenter.calls.filter(call => call.method === 'DestroyView').length / 2)

const untilScans = (site: LabSite, wanted: number): Promise<true> =>
  until(`${wanted} scans end`, () => Promise.resolve(scanned(site) >= wanted ? true : undefined), 120_000)

async function knownVms(site: LabSite): Promise<number> {
  let known = 0
  for (let after: string | undefined; ;) {
    const { items, next } = await site.operator.sourceVms(after)
    known += items.length
    if (next === null) return known
    after = next
  }
}

/** `readBytes` counts everything the process read, from files and sockets. */
async function usageOf(pid: number) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const io = await readFile(`/proc/${pid}/io`, 'utf8')
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    peakMemoryBytes: Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
    readBytes: Number(/^rchar: (\d+)/m.exec(io)?.[1]),
  }
}
