// An agent on a unix socket that answers as the recorded site does, with as many VMs as wanted; nothing runs on it.
import http from 'node:http'
import { recording, statusAt } from '../../../dist/console/demo/recording.js'

const pageItems = 1000

function siteOf(vmCount) {
  const { vms, jobs } = recording(Date.now())
  const [template] = vms
  const more = Array.from({ length: Math.max(0, vmCount - vms.length) }, (_, at) => ({
    ...template,
    id: `6029f3a1-7c1e-4b00-8000-${String(at).padStart(12, '0')}`,
    name: `app-${String(at).padStart(5, '0')}`,
    jobId: null,
    jobState: null,
    managedAt: null,
  }))
  const idle = jobs.filter(job => job.currentPass === null)
  return { vms: [...vms, ...more], jobs: idle.map(({ disks: _disks, ...job }) => job) }
}

function replyTo(site, url) {
  if (url.pathname === '/v1/status') return statusAt(Date.now())
  if (url.pathname === '/v1/replication-jobs') return { items: site.jobs }
  if (url.pathname !== '/v1/source-vms') return null
  const after = url.searchParams.get('after')
  const first = after === null ? 0 : site.vms.findIndex(vm => vm.id === after) + 1
  const items = site.vms.slice(first, first + pageItems)
  return { items, next: first + pageItems < site.vms.length ? items.at(-1).id : null }
}

/** Listens on `socketPath`; the caller closes it. */
export function openSite(socketPath, vmCount) {
  const site = siteOf(vmCount)
  const server = http.createServer((request, response) => {
    const reply = replyTo(site, new URL(request.url, 'http://agent'))
    response.writeHead(reply === null ? 404 : 200, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(reply ?? { code: 'NOT_FOUND', message: request.url, next: '', requestId: '1' }),
    )
  })
  return new Promise(resolve => {
    server.listen(socketPath, () => resolve(server))
  })
}
