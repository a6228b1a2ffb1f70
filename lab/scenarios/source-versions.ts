import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { otherBuild } from '../site/other-build.js'
import { runPass, waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { untilCopying } from './broken-pass.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  disks: [{ sizeBytes: 32n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 16n * MIB }] }],
}
const code = 'WORKER_VERSION_MISMATCH'

/** A VMA and an OMA of different versions: no work is done, everybody says why, and nothing is lost when they fit again. */
export const sourceVersions: Scenario = {
  name: 'source-versions',
  title: 'a VMA of another version, and an OMA exchanged in the middle of a copy',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 3 })
    const { product, operator } = site
    const otherDir = join(dir, 'other')
    await mkdir(otherDir)
    const other = await otherBuild(otherDir, '0.2.0')
    const job = await site.createJob(vm.name)
    await proveCommitted(site, checks, vm.name, await runPass(operator, job, say))
    await site.vcenter.guestWrites(site.vcenter.vm(vm.name), { diskKey: 2000, blocks: 20 })

    say('--- the VMA is of another version')
    await product.kill('vma')
    await product.start('vma', other)
    await untilVma(site, 'refused')
    const { vma } = await operator.status()
    checks.that(
      'the status says which versions',
      /0\.2\.0/.test(vma.failure?.message ?? ''),
      vma.failure?.message ?? '',
    )
    checks.equal('the status has a code of its own', vma.failure?.code, code)
    await proveLogged(checks, product.logPath('vma'))
    const calls = site.vcenter.calls.length
    const refused = await runPass(operator, job, say)
    checks.equal('a pass ends with that reason', [refused.state, refused.failure?.code], ['failed', code])
    const touched = site.vcenter.calls.slice(calls).filter(call => /_Task$/.test(call.method))
    checks.equal('nothing was done to the VM', touched, [])
    await product.kill('vma')
    await product.start('vma')
    await untilVma(site, 'connected')
    await proveNothingLeft(site, checks)

    say('--- the OMA is exchanged in the middle of a copy')
    await site.vcenter.setReaderFaults({ slowMsPerRead: 400 })
    const { id } = await operator.startPass(job.id)
    await untilCopying(site, id)
    await product.kill('oma')
    await product.start('oma', other)
    await until(
      'the OMA of the other version refuses',
      async () => {
        try {
          return (await operator.status()).vma.state === 'refused' ? true : undefined
        } catch (error) {
          if (error instanceof Error) return undefined
          throw error
        }
      },
      60_000,
    )
    await product.kill('oma')
    await site.vcenter.setReaderFaults({})
    await product.start('oma')
    await site.answers()
    const ended = await waitForPass(operator, id, line => say(`pass ${line}`))
    checks.that(
      'the pass in the middle counts whole or not at all',
      ['applied', 'failed'].includes(ended.state),
      `${ended.state}, ${ended.failure?.code ?? 'no failure'}`,
    )
    const next = await runPass(operator, job, say)
    await proveCommitted(site, checks, vm.name, next)
    await proveNothingLeft(site, checks)
    return {}
  },
}

const untilVma = (site: LabSite, state: string): Promise<true> =>
  until(
    `the VMA is ${state}`,
    async () => ((await site.operator.status()).vma.state === state ? true : undefined),
    60_000,
  )

async function proveLogged(checks: Checks, logPath: string): Promise<void> {
  const line = await until(
    'the VMA logs that it was refused',
    async () => {
      const lines = (await readFile(logPath, 'utf8')).split('\n')
      return lines.find(text => text.includes(code) && text.includes('0.2.0'))
    },
    30_000,
  )
  checks.that('the log of the VMA says so', true, line)
}
