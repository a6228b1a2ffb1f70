import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { errorTable } from '../../agent/errors.js'
import { licences } from '../../console/licences.js'
import { bindings } from '../../console/keymap.js'
import { frameView } from '../../console/panes/frame.js'
import { lineCells, plainPrompt, plainText } from '../../console/plain/text.js'
import { type State } from '../../console/state.js'
import { tiers, type Tier } from '../../console/tier.js'
import { widthOf } from '../../console/ui/cells.js'
import { drawView } from '../../console/ui/draw.js'
import { update } from '../../console/update.js'
import { vmOf, type Site } from './fake-agent.js'
import { golden } from './golden.js'
import { answered, homeOf, openedOn, pressed, recordedSite } from './recorded.js'
import { siteNowMs } from './sites.js'

const picture = (state: State): string =>
  state.tier === 'plain'
    ? `${plainText(frameView(state)).join('\n')}\n${plainPrompt(frameView(state))}`
    : drawView(frameView(state), state.size, state.tier).text()

/** Every tier of a scene in one file: what a tier loses is seen side by side. */
function scene(name: string, make: (site: Site, tier: Tier) => State): void {
  void t.test(name, async t => {
    const texts = tiers.map(tier => {
      const state = make(recordedSite(), tier)
      const text = picture(state)
      const lines = text.split('\n')
      if (tier !== 'plain') t.equal(lines.length, state.size.rows, `${tier}: as many rows as the screen has`)
      const cols = tier === 'plain' ? lineCells : state.size.cols
      t.ok(
        lines.every(each => widthOf(each, tier === 'plain' ? 'ascii' : tier) <= cols),
        `${tier}: no row is too long`,
      )
      if (tier === 'ascii' || tier === 'plain') t.match(text, /^[\n\x20-\x7e]*$/, `${tier}: 7 bits`)
      return `=== ${tier}\n${text}\n`
    })
    golden(t, name, texts.join('\n'))
  })
}

scene('home', (site, tier) => homeOf(site, tier))
scene('home-wide', (site, tier) => update(homeOf(site, tier), { kind: 'resized', cols: 132, rows: 43 }).state)
scene('about', (site, tier) => pressed(homeOf(site, tier), site, '8'))
scene('messages', (site, tier) => {
  const told = update(pressed(openedOn(site, tier), site, 'o', 'O'), { kind: 'paste', text: 'x' }).state
  return pressed(told, site, '7')
})
scene('vms', (site, tier) => openedOn(site, tier))
scene('vms-filter', (site, tier) => pressed(openedOn(site, tier), site, '/', 'e', 'r', 'p'))
scene('vms-no-match', (site, tier) => pressed(openedOn(site, tier), site, '/', 'z', 'z', 'enter'))
scene(
  'vms-wide',
  (site, tier) => update(openedOn(site, tier), { kind: 'resized', cols: 132, rows: 43 }).state,
)
scene('jobs', (site, tier) => pressed(openedOn(site, tier), site, '3'))
scene('vm-running', (site, tier) => pressed(openedOn(site, tier), site, 'enter'))
scene('vm-failed', (site, tier) => pressed(openedOn(site, tier), site, 'down', 'down', 'enter'))
scene('vm-compared', (site, tier) => {
  const shown = site.jobs.find(job => job.id === 'job-3')!
  const instant = new Date(siteNowMs - 3_600_000).toISOString()
  site.jobs[site.jobs.indexOf(shown)] = {
    ...shown,
    lastVerification: {
      id: 'verification-1',
      state: 'different',
      endedAt: instant,
      recoveryPointAt: instant,
      blocks: 40_960,
      differingBlocks: 2,
      failure: null,
    },
  }
  const pass = site.passes.find(each => each.jobId === 'job-3')!
  site.passes[site.passes.indexOf(pass)] = {
    ...pass,
    disks: pass.disks.map(disk => ({
      ...disk,
      syncType: 'compare' as const,
      sentAgainBytes: '12582912',
      fallbacks: ['tracking was reset since the last recovery point'],
    })),
  }
  return pressed(openedOn(site, tier), site, 'down', 'down', 'enter')
})
scene('job-broken-copies', (site, tier) => {
  const pass = site.passes.find(each => each.jobId === 'job-3')!
  const failure = { code: 'WORKER_LOST', message: 'the VMA sent no heartbeat', next: '' } as const
  const endedAt = new Date(siteNowMs - 1_790_000).toISOString()
  site.passes[site.passes.indexOf(pass)] = {
    ...pass,
    brokenCopies: [
      { endedAt, failure },
      { endedAt, failure },
    ],
  }
  return pressed(openedOn(site, tier), site, 'down', 'down', 'enter', 'j')
})
scene('vm-not-replicated', (site, tier) => pressed(openedOn(site, tier), site, 'end', 'enter'))
scene('confirm-start', (site, tier) => pressed(openedOn(site, tier), site, 'end', 'enter', 's'))
scene('confirm-cancel', (site, tier) => pressed(openedOn(site, tier), site, 'enter', 'c', 'tab'))
scene('job-running', (site, tier) => pressed(openedOn(site, tier), site, 'enter', 'j'))
scene('job-failed', (site, tier) =>
  pressed(openedOn(site, tier), site, 'down', 'down', 'enter', 'j', 'tab', 'end'),
)
scene('help', (site, tier) => pressed(openedOn(site, tier), site, '?'))
scene('agent-away', (site, tier) => {
  const opened = pressed(openedOn(site, tier), site, 'enter')
  const later = update(opened, { kind: 'tick', nowMs: siteNowMs + 20_000 }).state
  const away = update(later, {
    kind: 'agent-away',
    number: later.polling.inFlight!,
    nowMs: siteNowMs + 21_000,
    reason: 'nobody listens on its socket',
  }).state
  return update(away, { kind: 'tick', nowMs: siteNowMs + 21_500 }).state
})
scene('site-alarms', (site, tier) => {
  const { status } = site
  site.status = () => ({
    ...status(),
    vma: {
      state: 'lost',
      lastSeenAt: new Date(siteNowMs - 190_000).toISOString(),
      version: null,
      failure: null,
    },
    source: {
      state: 'failed',
      failure: {
        code: 'VSPHERE_LOGIN_REFUSED',
        message: 'logging in to vc1.example.net as backup@vsphere.local',
        next: errorTable.VSPHERE_LOGIN_REFUSED.next,
      },
      checkedAt: new Date(siteNowMs - 4000).toISOString(),
    },
  })
  return openedOn(site, tier)
})
scene('vma-refused', (site, tier) => {
  const { status } = site
  site.status = () => ({
    ...status(),
    vma: {
      state: 'refused',
      lastSeenAt: new Date(siteNowMs - 190_000).toISOString(),
      version: '0.1.0',
      failure: {
        code: 'WORKER_VERSION_MISMATCH',
        message:
          'the VMA is version 0.2.0 (worker protocol 5d1c), the OMA is version 0.1.0 (worker protocol 77ab)',
        next: errorTable.WORKER_VERSION_MISMATCH.next,
      },
    },
  })
  return openedOn(site, tier)
})
scene('action-refused', (site, tier) => {
  const asked = pressed(openedOn(site, tier), site, 'down', 'enter', 'p')
  const ended = update(asked, {
    kind: 'deed-ended',
    nowMs: siteNowMs,
    deed: asked.deed!,
    outcome: {
      kind: 'refused',
      failure: {
        code: 'VOLUME_IDENTITY_MISMATCH',
        sentence: errorTable.VOLUME_IDENTITY_MISMATCH.sentence,
        message: 'volume 7d1f6c2a-2000-4000-8000-0123456789ab, serial 00000000',
        next: errorTable.VOLUME_IDENTITY_MISMATCH.next,
      },
    },
  }).state
  return answered(ended, site)
})
scene('names', (site, tier) => {
  site.vms.splice(
    0,
    site.vms.length,
    vmOf(1, 'Größe-ÄÖÜ'),
    vmOf(2, '日本語サーバー01'),
    vmOf(3, 'a name of more than twenty-one characters, cut'),
    vmOf(4, 'Σερβερ'),
    vmOf(5, 'smile \u{1f600} here'),
    vmOf(6, '{red-bg}tags{/red-bg}'),
  )
  return openedOn(site, tier)
})

void t.test('every section of the body fits a screen that is too small, and says what it needs', async t => {
  for (const [cols, rows] of [
    [79, 24],
    [80, 23],
    [20, 5],
    [3, 2],
    [1, 1],
  ] as const) {
    const small = update(openedOn(recordedSite()), { kind: 'resized', cols, rows }).state
    const text = picture(small)
    t.equal(text.split('\n').length, rows, `${cols}x${rows} has its rows`)
    t.match(`Needs 80x24, now ${cols}x${rows}.`.slice(0, cols - 1), text.split('\n')[0]!.slice(0, cols - 1))
  }
})

void t.test('the keys shown are bound, and one key means one thing in one place', async t => {
  const seen = new Map<string, string>()
  for (const { contexts, keys, command } of bindings) {
    for (const context of contexts) {
      for (const each of keys) {
        const place = `${context} ${each}`
        t.notOk(seen.has(place), `${place}: ${command}, ${seen.get(place) ?? ''}`)
        seen.set(place, command)
      }
    }
  }
  for (const each of ['ctrl-s', 'ctrl-q', 'ctrl-z', 'ctrl-w', 'ctrl-\\', 'ctrl-]']) {
    t.notOk(
      [...seen.keys()].some(place => place.endsWith(` ${each}`)),
      `${each} is left alone`,
    )
  }
})

void t.test('the licences shown are those of the packages, and none is missing', async t => {
  const root = path.join(import.meta.dirname, '../..')
  const read = (file: string) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')) as Manifest
  const wanted = Object.keys(read('package.json').dependencies ?? {})
  for (const name of wanted) {
    const shown = licences.find(row => row.name === name)
    t.equal(shown?.licence, read(`node_modules/${name}/package.json`).license, name)
  }
})

interface Manifest {
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}
