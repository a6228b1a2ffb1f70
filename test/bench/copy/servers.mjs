// The servers of the bench (nbdkit's file plugin), certificates and a loop device.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'

export async function serve(socket, argv) {
  const child = spawn('/usr/bin/nbdkit', ['-f', '--exit-with-parent', '--unix', socket, ...argv], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`nbdkit ${argv.join(' ')} ended with ${child.exitCode}`)
    await after(5)
  }
  return {
    cpuSeconds: () => cpuSecondsOf(child.pid),
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

/** CPU time of one process so far, all threads, from /proc (10 ms steps). */
export function cpuSecondsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** CPU time of all children that have ended. */
export function childrenCpuSeconds() {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** One authority and one certificate for either end, in a directory as nbdkit, libnbd and qemu all read it. */
export function makeCertificates(dir) {
  mkdirSync(dir, { recursive: true })
  const ssl = (...argv) => execFileSync('/usr/bin/openssl', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  const key = name => ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(dir, `${name}-key.pem`)]
  ssl(
    'req',
    '-x509',
    '-days',
    '2',
    '-subj',
    '/CN=bench authority',
    ...key('ca'),
    '-out',
    join(dir, 'ca-cert.pem'),
  )
  for (const end of ['server', 'client']) {
    ssl('req', '-subj', '/CN=localhost', ...key(end), '-out', join(dir, `${end}.csr`))
    const extensions = join(dir, 'extensions')
    const usage = `extendedKeyUsage=${end}Auth\nkeyUsage=critical,digitalSignature,keyEncipherment\n`
    writeFileSync(extensions, `subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n${usage}`)
    const signer = ['-CA', join(dir, 'ca-cert.pem'), '-CAkey', join(dir, 'ca-key.pem'), '-CAcreateserial']
    const made = [
      '-in',
      join(dir, `${end}.csr`),
      '-extfile',
      extensions,
      '-out',
      join(dir, `${end}-cert.pem`),
    ]
    ssl('x509', '-req', '-days', '2', ...signer, ...made)
  }
  return dir
}

export function attachLoop(path) {
  const device = execFileSync('/usr/sbin/losetup', ['--find', '--show', path], { encoding: 'utf8' }).trim()
  return { device, detach: () => execFileSync('/usr/sbin/losetup', ['--detach', device]) }
}
