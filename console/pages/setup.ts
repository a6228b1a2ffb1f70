import { ConfigurationView, ValidationView } from '../../agent/api/cloudstack.js'
import type { Feature, Page, PageContext, Read } from '../page.js'
import { column, line, paragraph, span, textCell, type Block, type Tone } from '../view.js'
import { instantWords } from '../words.js'
import { addressStep } from './cloudstack-steps.js'
import { fact } from './facts.js'

const configuration: Read<typeof ConfigurationView> = {
  key: 'cloudstack',
  what: 'the configuration of CloudStack',
  schema: ConfigurationView,
  everyMs: null,
  ask: (client, signal) => client.cloudstackConfiguration(signal),
}

/** Asks CloudStack about each choice. */
const validation: Read<typeof ValidationView> = {
  key: 'cloudstack-validation',
  what: 'the check of CloudStack',
  schema: ValidationView,
  everyMs: null,
  ask: (client, signal) => client.validateCloudstack(signal),
}

const severities: Readonly<
  Record<'ok' | 'warning' | 'error' | 'unknown', { readonly words: string; readonly tone: Tone }>
> = {
  ok: { words: 'ok', tone: 'good' },
  warning: { words: '!  warning', tone: 'warn' },
  error: { words: '!! error', tone: 'bad' },
  unknown: { words: '?  unknown', tone: 'warn' },
}

const findingsOf = ({ read }: PageContext): ValidationView['findings'] =>
  read(validation).value?.findings ?? []

function configured({ read }: PageContext): readonly Block[] {
  const { value, failure } = read(configuration)
  if (value === null)
    return [
      line(
        failure === null ? span('Reading ...', 'dim') : span('CloudStack: c configures it in three steps.'),
      ),
    ]
  const { choice } = value
  return [
    fact('Server', `${value.url}   revision ${value.revision}, ${instantWords(value.updatedAt)} UTC`),
    fact(
      'SHA-256',
      value.thumbprintSha256 ?? 'none: plain http',
      value.thumbprintSha256 === null ? 'warn' : 'plain',
    ),
    fact('Zone', choice.zoneId),
    fact('Offering', choice.diskOfferingId),
    fact('This VM', choice.applianceVmId),
    fact('Network', choice.networkId ?? 'none'),
    fact('Template', choice.templateId ?? 'none'),
  ]
}

const setup: Page = {
  name: 'setup',
  title: 'CloudStack',
  section: 'setup',
  about:
    'Where the volumes are made: the server, its confirmed certificate, what is used of it, and whether all of that is still there. Keys go in and never come out.',
  reads: () => [configuration, validation],
  head: context => [...configured(context), { kind: 'rule', title: 'Check' }],
  table: {
    columns: [column('Result', 11), column('About', 22), column('What', 30, { grow: 1 })],
    rows: context =>
      findingsOf(context).map((finding, at) => ({
        id: `${at} ${finding.code}`,
        text: `${finding.code} ${finding.severity} ${finding.what}`,
        fields: { result: finding.severity },
        cells: () => [
          textCell(severities[finding.severity].words, severities[finding.severity].tone),
          textCell(finding.code),
          textCell(finding.what),
        ],
      })),
    empty: ({ read }) =>
      read(validation).value === null ? 'Not checked.' : 'The check found nothing to say.',
    filterFields: ['result'],
    canMark: false,
    orderedBy: null,
  },
  foot: (context, row) => {
    const finding = findingsOf(context).find((each, at) => `${at} ${each.code}` === row?.id)
    if (finding === undefined) return []
    return [
      { kind: 'rule', title: finding.code },
      paragraph([span(finding.what)], 0, 2),
      ...(finding.remedy === null ? [] : [paragraph([span('Next: ', 'strong'), span(finding.remedy)], 6, 2)]),
    ]
  },
  actions: [
    {
      key: 'c',
      label: 'Configure',
      help: 'address, certificate and keys, choices by name: three steps',
      isOffered: () => true,
      run: ({ read }) => {
        const { value, failure } = read(configuration)
        if (value === null && failure === null)
          return { kind: 'refused', why: 'Still reading what is configured.' }
        return { kind: 'form', form: addressStep(value) }
      },
    },
  ],
}

export const setupFeature: Feature = { pages: [setup], links: [] }
