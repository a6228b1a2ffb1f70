import t from 'tap'
import { cleanJson } from '../../console/clean-text.js'
import { demoClient } from '../../console/demo/client.js'
import { features } from '../../console/pages/registry.js'
import { noParams, type Read } from '../../console/page.js'
import { readChecked } from '../../console/reading.js'
import { tiers } from '../../console/tier.js'
import { widthOf } from '../../console/ui/cells.js'
import { driven, drivenNowMs } from './driven.js'
import { injections } from './injections.js'
import { pageScenes } from './page-scenes.js'

const nasty = injections.join('')

/** Every string in a JSON value, one after the other, with a hostile one behind it. */
function* variants(value: unknown): Generator<(replacement: string) => unknown> {
  if (typeof value === 'string') yield replacement => `${value}${replacement}`
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries())
      for (const variant of variants(item))
        yield text => value.map((each, index) => (index === at ? variant(text) : (each as unknown)))
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value))
      for (const variant of variants(item)) yield text => ({ ...value, [key]: variant(text) })
  }
}

type Client = ReturnType<typeof demoClient>

/** The recorded site, with as many strings of each answer hostile as the contract lets through. */
async function hostileClient(
  demo: Client,
  reads: readonly Read[],
): Promise<{ client: Client; count: number }> {
  let count = 0
  const answers = new Map<string, unknown>()
  for (const read of reads) {
    let answer: unknown = await read.ask(demo, new AbortController().signal)
    const original = answer
    const total = [...variants(original)].length
    for (let at = 0; at < total; at += 1) {
      const changed = [...variants(answer)][at]?.(nasty)
      const cleaned = cleanJson(changed)
      if (!(await readChecked(read.what, read.schema, () => Promise.resolve(cleaned))).ok) continue
      answer = changed
      count += 1
    }
    answers.set(read.key, cleanJson(answer))
  }
  const items = (key: string): never => (answers.get(key) as { items: never }).items
  const whole = (key: string): never => answers.get(key) as never
  const by = (prefix: string): string => [...answers.keys()].find(key => key.startsWith(prefix)) ?? ''
  const give = <T>(value: T): Promise<T> => Promise.resolve(value)
  const client: Client = {
    ...demo,
    runPreflight: () => give(whole(by('preflight'))),
    hardwareVersions: () => give(items(by('hardware '))),
    hardwareVersion: () => give(whole(by('hardware-version '))),
    compareHardware: () => give(whole(by('hardware-changes '))),
    verifications: () => give(items(by('verifications '))),
    verification: () => give(whole(by('verification '))),
    cloudstackConfiguration: () => give(whole('cloudstack')),
    validateCloudstack: () => give(whole('cloudstack-validation')),
    points: {
      ...demo.points,
      list: () => give(whole(by('points '))),
      exports: () => give(items('point-exports')),
      restore: () => give(whole(by('restore '))),
    },
    volumes: {
      ...demo.volumes,
      operations: () => give(items('volume-operations')),
      status: () => give(whole(by('volume '))),
      exports: () => give(items('exports')),
      findings: () => give(items('volume-findings')),
      health: () => give(whole('volume-health')),
      metrics: () => give(whole('volume-metrics')),
    },
  }
  return { client, count }
}

void t.test('hostile strings in every field a page reads neither act nor break the rows', async t => {
  const demo = demoClient(() => drivenNowMs)
  const [job] = await demo.jobs()
  const jobId = job?.id ?? ''
  const list = await demo.verifications(jobId)
  const kept = (await demo.points.list(jobId)).items.find(point => point.standing.kind === 'kept')
  const pointId = kept?.id ?? ''
  await demo.points.open(pointId)
  const id: Readonly<Record<string, string>> = {
    verifications: jobId,
    points: jobId,
    'point-exports': jobId,
    point: `${jobId} ${pointId}`,
    restore: (await demo.points.restoreTo(pointId, 'keep')).id,
    verification: list[0]?.id ?? '',
    'hardware-version': 'vm 2',
    volume: '58c10001-2000-4000-8000-0123456789ab',
  }
  const reads = features
    .flatMap(feature => feature.pages)
    .flatMap(page => page.reads({ ...noParams, id: id[page.name] ?? 'vm' }))
  const { client, count } = await hostileClient(demo, reads)
  t.ok(count > 60, `${count} fields carry the corpus`)
  t.comment(`${count} fields carry the corpus`)
  for (const [name, keys] of Object.entries(pageScenes)) {
    for (const tier of tiers) {
      const console = await driven(t, { client, tier })
      await console.press(...keys)
      const text = console.picture()
      t.notMatch(
        text,
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f]/u,
        `${name} ${tier}`,
      )
      const widest = Math.max(
        ...text.split('\n').map(line => widthOf(line, tier === 'plain' ? 'ascii' : tier)),
      )
      t.ok(widest <= 80, `${name} ${tier}: ${widest} cells`)
      console.stop()
    }
  }
})
