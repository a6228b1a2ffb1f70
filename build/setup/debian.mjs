import { spawnSync } from 'node:child_process'
import { run, StepFailed } from './run.mjs'

const everything = ['build', 'test', 'check', 'bench', 'lab', 'leak']

/** What is needed from Debian, why, and for which purposes. No package here starts a service. */
const packages = [
  { name: 'g++', why: 'compiles the addon', for: everything },
  { name: 'make', why: 'compiles the addon', for: everything },
  { name: 'python3', why: 'node-gyp runs on it', for: everything },
  { name: 'pkg-config', why: 'finds libnbd', for: everything },
  { name: 'libnbd-dev', why: 'NBD client library', for: everything },
  { name: 'libxxhash-dev', why: 'fast hash', for: everything },
  { name: 'nettle-dev', why: 'SHA-256', for: everything },
  { name: 'nbdkit', why: 'NBD server', for: ['test', 'bench', 'lab'] },
  { name: 'libnbd-bin', why: 'nbdcopy and nbdinfo, to compare with', for: ['test', 'bench'] },
  {
    name: 'qemu-utils',
    why: 'qemu-nbd and qemu-img: staging, and images compared',
    for: ['test', 'bench', 'lab'],
  },
  { name: 'mount', why: 'losetup', for: ['test', 'bench', 'lab'] },
  { name: 'mariadb-server-core', why: 'database', for: ['test', 'lab'] },
  { name: 'mariadb-client-core', why: 'database tools', for: ['test', 'lab'] },
  {
    name: 'qemu-system-x86',
    why: 'guests of the simulated CloudStack, always emulated',
    for: ['test', 'lab'],
  },
  { name: 'openssl', why: 'certificates of tests and of the lab', for: ['test', 'bench', 'lab'] },
  { name: 'diffutils', why: 'cmp', for: ['test', 'bench', 'lab'] },
  { name: 'iproute2', why: 'network the helper is proved in', for: ['test'] },
  { name: 'tmux', why: 'terminal the console is proved in', for: ['test'] },
  { name: 'valgrind', why: 'watches the addon', for: ['leak'] },
  { name: 'clang-format', why: 'format gate for C++', for: ['check'] },
  { name: 'shellcheck', why: 'gate for shell files', for: ['check'] },
]

const isInstalled = name => {
  const query = spawnSync('/usr/bin/dpkg-query', ['-W', '-f', '${db:Status-Status}', name], {
    encoding: 'utf8',
  })
  return query.status === 0 && query.stdout === 'installed'
}

export function debianPackages(purpose) {
  const wanted = packages.filter(entry => entry.for.includes(purpose)).map(entry => entry.name)
  const missing = () => wanted.filter(name => !isInstalled(name))
  return {
    title: 'Debian packages',
    isDone: () => missing().length === 0,
    run: async () => {
      const names = missing()
      const command = `apt-get install --no-install-recommends ${names.join(' ')}`
      if (process.getuid?.() !== 0)
        throw new StepFailed(`These packages are missing; install them as root:\n  ${command}`)
      const advice = `Check the network and /etc/apt/sources.list, then run as root:\n  apt-get update && ${command}`
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
      const lock = ['-o', 'DPkg::Lock::Timeout=300']
      await run('/usr/bin/apt-get', ['update', '-q', ...lock], advice, { env })
      await run(
        '/usr/bin/apt-get',
        ['install', '-qy', '--no-install-recommends', ...lock, ...names],
        advice,
        { env },
      )
    },
  }
}
