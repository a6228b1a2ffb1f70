import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { spawnSync } from 'node:child_process'
import { scryptSync } from 'node:crypto'
import t from 'tap'
import { type Values } from '../../console/form.js'
import { answersFromOvf, answersFromToml, completeAnswers } from '../../wizard/answers.js'
import { formOf } from '../../wizard/step.js'
import { answerKeys, passingKeys, stepsFor } from '../../wizard/steps/list.js'
import { canaries, omaAnswers, ovfOf, tomlOf, vmaAnswers } from './answers-of.js'

const main = path.join(import.meta.dirname, '../../dist/wizard/main.js')
const salt = Buffer.alloc(16, 7).toString('base64')

interface Test {
  teardown(end: () => unknown): void
}

function directoryFor(t: Test): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wizard-test-'))
  t.teardown(() => fs.rmSync(dir, { recursive: true }))
  fs.mkdirSync(path.join(dir, 'state'))
  fs.writeFileSync(path.join(dir, 'state/salt'), salt)
  return dir
}

/** Name, access rights and bytes of every file. */
function filesOf(dir: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fs
      .readdirSync(dir)
      .sort()
      .map(name => {
        const file = path.join(dir, name)
        return [`${name} ${(fs.statSync(file).mode & 0o777).toString(8)}`, fs.readFileSync(file, 'utf8')]
      }),
  )
}

function run(dir: string, option: '--answers' | '--ovf-env', text: string) {
  const file = path.join(dir, 'given')
  fs.writeFileSync(file, text)
  const args = [
    '--state-dir',
    path.join(dir, 'state'),
    '--result-dir',
    path.join(dir, 'result'),
    option,
    file,
  ]
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { status, said: stdout + stderr, files: filesOf(path.join(dir, 'result')) }
}

for (const [role, answers] of [
  ['oma', omaAnswers],
  ['vma', vmaAnswers],
] as const) {
  void t.test(`${role}: an answers file and OVF properties give the same bytes`, async t => {
    const byFile = run(directoryFor(t), '--answers', tomlOf(answers))
    const byOvf = run(directoryFor(t), '--ovf-env', ovfOf(answers))
    t.equal(byFile.status, 0, byFile.said)
    t.same(byOvf.files, byFile.files)
    const peer = role === 'oma' ? 'cloudstack' : 'vcenter'
    t.same(Object.keys(byFile.files), [
      'admin-password 600',
      'answers.toml 644',
      ...(role === 'oma' ? ['cloudstack-credentials.toml 600', 'cloudstack.toml 644'] : []),
      'host-settings.json 644',
      'keyboard 644',
      'role 644',
      ...(role === 'vma' ? ['vcenter-credentials.toml 600', 'vcenter.toml 644'] : []),
    ])
    const [kind, N, r, p, usedSalt, hash] = byFile.files['admin-password 600']!.trim().split(':')
    t.equal(kind, 'scrypt')
    const cost = { N: Number(N), r: Number(r), p: Number(p), maxmem: 2 ** 26 }
    const password = scryptSync(canaries['admin.password'], Buffer.from(usedSalt!, 'base64'), 32, cost)
    t.equal(hash, password.toString('base64'), 'the hash is of the password')
    const given = tomlOf(answers)
    const again = run(directoryFor(t), '--answers', byFile.files['answers.toml 644']!)
    t.equal(again.status, 65, 'the written answers have no secrets')
    t.match(again.said, 'admin.password')
    t.match(given, canaries['admin.password'])
    for (const [name, text] of Object.entries(byFile.files)) {
      t.notMatch(text, canaries['admin.password'], `${name}: no password in clear`)
      if (name !== `${peer}-credentials.toml 600`) t.notMatch(text, 'canary', `${name}: no secret`)
    }
    t.notMatch(byFile.said + byOvf.said, 'canary')
  })
}

void t.test('nothing is left of the progress, and nothing is set by half', async t => {
  const dir = directoryFor(t)
  t.equal(run(dir, '--answers', tomlOf(omaAnswers)).status, 0)
  t.same(fs.readdirSync(path.join(dir, 'state')), ['salt'])
  const other = directoryFor(t)
  const wrong = run(other, '--answers', tomlOf({ ...omaAnswers, 'network.ipv4_gateway': '198.51.100.1' }))
  t.equal(wrong.status, 65)
  t.match(wrong.said, 'network.ipv4_gateway: The gateway is not on the network')
  t.same(wrong.files, {})
})

void t.test('every problem is told at once, with its key and without a value of a secret', async t => {
  const given: Values = {
    ...omaAnswers,
    'network.ipv4': '192.0.2.300/24',
    'role.role': 'oma',
    'keyboard.layout': 'klingon',
    'admin.password': 'canary-3',
    'network.mtu': '20',
    'vcenter.user': 'x',
  }
  const complete = completeAnswers(given)
  t.equal(complete.ok, false)
  const problems = complete.ok ? [] : complete.problems
  for (const key of ['network.ipv4', 'keyboard.layout', 'admin.password', 'network.mtu', 'vcenter.user'])
    t.ok(
      problems.some(each => each.startsWith(`${key}: `)),
      key,
    )
  t.notMatch(problems.join('\n'), 'canary')
})

void t.test('files that are not answers are refused', async t => {
  const code = { code: 'CONFIG_INVALID' }
  t.throws(() => answersFromToml('[network\ninterface = "canary-1"'), code)
  t.throws(() => answersFromToml('network = 3'), code)
  t.throws(() => answersFromToml('[network]\ndhcp = true'), code)
  t.throws(() => answersFromToml('[network]\nshell = "sh"'), { ...code, message: /network\.shell/ })
  t.throws(() => answersFromToml('[keyboard]\ntrial = "x"'), code)
  t.same(answersFromToml('[network]\nmtu = 9000\ndns = ["192.0.2.1", "192.0.2.2"]'), {
    'network.mtu': '9000',
    'network.dns': '192.0.2.1, 192.0.2.2',
  })
  const withType = '<!DOCTYPE x><Environment/>'
  t.throws(() => answersFromOvf(withType), { ...code, message: /declares a document type/ })
  for (const xml of [
    '<!DOCTYPE x [<!ENTITY a "b">]><Environment/>',
    '<Environment><PropertySection>',
    ovfOf(
      {},
      '<Property oe:key="ossea.role.role" oe:value="oma"/><Property oe:key="ossea.role.role" oe:value="vma"/>',
    ),
    ovfOf({ 'network.shell': 'sh' }),
    `<Environment>${'x'.repeat(70_000)}</Environment>`,
  ])
    t.throws(() => answersFromOvf(xml), code, xml.slice(0, 60))
  t.same(answersFromOvf(ovfOf({ 'host.name': 'a&b <"c">', 'host.ntp': '' })), { 'host.name': 'a&b <"c">' })
})

void t.test('the keys a file may give are those of the steps', async t => {
  const found = new Set<string>()
  const facts = { interfaces: [], certificates: {} }
  for (const answers of [omaAnswers, vmaAnswers, { ...omaAnswers, 'network.ipv6_method': 'static' }])
    for (const step of stepsFor(answers))
      for (const field of formOf(step, answers, facts, new Set()).fields) found.add(field.id)
  t.same([...found].filter(id => !passingKeys.has(id)).sort(), [...answerKeys].sort())
})
