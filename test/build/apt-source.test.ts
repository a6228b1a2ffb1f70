import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'

interface AptSource {
  readonly aptSourceOf: (
    suite: string,
    etc: string,
  ) => { readonly uri: string; readonly signedBy?: string } | undefined
}

const { aptSourceOf } = (await import(
  new URL('../../build/setup/apt-source.mjs', import.meta.url).href
)) as AptSource

async function etc(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ossea-apt-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  return directory
}

void t.test('the source of exactly the suite asked for, with its keyring', async t => {
  const stanzas =
    'Types: deb\n# a comment\nURIs: http://security.example/\nSuites: bookworm-security\nSigned-By: /other.gpg\n\n' +
    'Enabled: no\nTypes: deb\nURIs: http://off.example/\nSuites: bookworm\n\n' +
    'Types: deb-src\nURIs: http://source.example/\nSuites: bookworm\n\n' +
    'Types: deb deb-src\nURIs:\n http://mirror.example/debian\n http://second.example\n' +
    'Suites: bookworm bookworm-updates\nSigned-By: /usr/share/keyrings/debian.gpg\n'
  const deb822 = await etc(t, {
    'sources.list': '# nothing\n',
    'sources.list.d/a.sources': stanzas,
    'sources.list.d/b.sources.off': 'Types: deb\nURIs: http://wrong.example\nSuites: bookworm\n',
  })
  t.strictSame(aptSourceOf('bookworm', deb822), {
    uri: 'http://mirror.example/debian',
    signedBy: '/usr/share/keyrings/debian.gpg',
  })
  const lines = await etc(t, {
    'sources.list':
      '#deb http://off.example bookworm main\ndeb-src http://source.example bookworm main\n' +
      'deb http://security.example bookworm-security main\n' +
      'deb [arch=amd64 signed-by=/a.gpg,/b.gpg] http://mirror.example/debian bookworm main\n',
  })
  t.strictSame(aptSourceOf('bookworm', lines), {
    uri: 'http://mirror.example/debian',
    signedBy: '/a.gpg /b.gpg',
  })
  t.equal(aptSourceOf('trixie', lines), undefined)
  t.equal(aptSourceOf('bookworm', join(lines, 'absent')), undefined)
})
