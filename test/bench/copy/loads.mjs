// The loads: what the source holds, what the target is before each run, how both are served.
import { execFileSync } from 'node:child_process'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeImage, mib, scatteredExtents, spoil } from './images.mjs'
import { attachLoop, makeCertificates, serve } from './servers.mjs'

const everyone = ['nbdcopy', 'qemu-img', 'plain-loop']

export const loads = {
  dense: { layout: 'dense', peers: everyone },
  'dense-fresh': { layout: 'dense', peers: everyone, fresh: true },
  sparse: { layout: 'sparse', peers: everyone },
  'allocated-zero': { layout: 'allocated-zero', peers: everyone },
  incremental: { layout: 'dense', peers: ['nbdcopy', 'plain-loop'], changedPercent: 2 },
  tls: { layout: 'dense', peers: everyone, tls: true },
  'file-to-loop': { layout: 'dense', peers: everyone, loop: true },
}

/** Images and servers of one load; `close` ends and removes all of them. */
export async function openLoad(dir, load, sizeMib) {
  const path = name => join(dir, name)
  const [source, target] = [path('source.img'), path('target.img')]
  makeImage(source, load.layout, sizeMib)
  const refresh = () => {
    writeFileSync(target, '')
    truncateSync(target, sizeMib * mib)
  }
  refresh()
  // Who writes zeroes out leaves another target than who zeroes them, so each run finds the same one: an older replica.
  const device = load.loop === true ? attachLoop(target) : undefined
  const restore = round => {
    const [from, to] = [source, device?.device ?? target]
    execFileSync('/usr/bin/cp', ['--sparse=always', '--reflink=never', from, to])
    spoil(to, extents, round)
  }
  const whole = [{ offset: 0, length: sizeMib * mib }]
  const extents = load.changedPercent === undefined ? whole : scatteredExtents(sizeMib, load.changedPercent)
  const certificates = load.tls === true ? makeCertificates(path('pki')) : undefined
  const secure =
    certificates === undefined
      ? []
      : ['--tls=require', `--tls-certificates=${certificates}`, '--tls-verify-peer']
  const sockets = { source: path('source.sock'), target: path('target.sock') }
  const servers = [
    await serve(sockets.source, ['-r', ...secure, 'file', source]),
    await serve(sockets.target, [...secure, 'file', device?.device ?? target]),
  ]
  return {
    source,
    target: device?.device ?? target,
    sizeMib,
    request: {
      source: { socket: sockets.source, certificates },
      target: { socket: sockets.target, certificates },
      extents,
      fresh: load.fresh === true,
    },
    movedBytes: extents.reduce((sum, { length }) => sum + length, 0),
    serversCpuSeconds: () => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0),
    prepare: round => (load.fresh === true ? refresh() : restore(round)),
    close: async () => {
      for (const server of servers) await server.stop()
      device?.detach()
      for (const file of [...Object.values(sockets), source, target]) rmSync(file, { force: true })
    },
  }
}
