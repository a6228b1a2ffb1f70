// Who copies. Each gives the seconds of its run, its peak memory above `idle` and its CPU seconds.
import { execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenCpuSeconds } from './servers.mjs'

/** The engine in a process of its own that is up before the clock starts, as an agent is. */
export async function startEngine() {
  const child = fork(join(import.meta.dirname, 'copier.mjs'), [], { serialization: 'advanced' })
  await once(child, 'message')
  return {
    name: 'engine',
    run: async request => {
      child.send(request)
      const [answer] = await once(child, 'message')
      if (answer.error !== undefined) throw new Error(`engine: ${answer.error}`)
      return answer
    },
    stop: async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

function peakRssMib(pid, last) {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kib === undefined ? last : Number(kib) / 1024
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error
    return last
  }
}

async function runProgram(program, argv) {
  const cpuBefore = childrenCpuSeconds()
  const started = performance.now()
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', text => (complaints += text.toString()))
  let rssMib = 0
  const watch = setInterval(() => (rssMib = peakRssMib(child.pid, rssMib)), 20)
  const [code] = await once(child, 'exit')
  const seconds = (performance.now() - started) / 1000
  clearInterval(watch)
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaints}`)
  return { seconds, rssMib, cpuSeconds: childrenCpuSeconds() - cpuBefore }
}

const uriOf = ({ socket, certificates }) =>
  certificates === undefined
    ? `nbd+unix:///?socket=${socket}`
    : `nbds+unix://localhost/?socket=${socket}&tls-certificates=${certificates}`

const nbdcopy = {
  name: 'nbdcopy',
  run: ({ source, target }) => runProgram('/usr/bin/nbdcopy', ['--flush', uriOf(source), uriOf(target)]),
}

const plainLoop = program => ({
  name: 'plain-loop',
  run: ({ source, target }) => runProgram(program, [uriOf(source), uriOf(target)]),
})

const imageOptions = ({ socket, certificates }, creds) =>
  [
    'driver=raw,file.driver=nbd,file.server.type=unix',
    `file.server.path=${socket}`,
    ...(certificates === undefined ? [] : [`file.tls-creds=${creds},file.tls-hostname=localhost`]),
  ].join(',')

const qemuImg = {
  name: 'qemu-img',
  run: ({ source, target }) => {
    const { certificates } = source
    const creds =
      certificates === undefined
        ? []
        : ['--object', `tls-creds-x509,id=creds,endpoint=client,dir=${certificates},verify-peer=yes`]
    const images = ['--image-opts', imageOptions(source, 'creds')]
    const into = ['--target-image-opts', imageOptions(target, 'creds')]
    // -W and -m 16 are its fastest settings; -n because the target exists.
    return runProgram('/usr/bin/qemu-img', ['convert', ...creds, '-n', '-W', '-m', '16', ...images, ...into])
  },
}

export function startPeers(dir) {
  const program = join(dir, 'plain-loop')
  const source = join(import.meta.dirname, 'plain-loop.c')
  const flags = execFileSync('/usr/bin/pkg-config', ['--cflags', '--libs', 'libnbd'], { encoding: 'utf8' })
  execFileSync('/usr/bin/gcc', ['-O2', '-o', program, source, ...flags.trim().split(/\s+/)])
  return { nbdcopy, 'qemu-img': qemuImg, 'plain-loop': plainLoop(program) }
}
