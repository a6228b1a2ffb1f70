import {
  CertificateRequest,
  DiscoverRequest,
  type CertificateView,
  type ConfigurationView,
  type ResourcesView,
  type SaveConfiguration,
} from '../../agent/api/cloudstack.js'
import { choiceField, textField } from '../form-schema.js'
import type { Values } from '../form.js'
import type { FormPage } from '../page.js'

/** What is there before the first step; null: CloudStack was never configured. */
type Before = ConfigurationView | null

/** Step 1: where it is. Asks the address for its certificate. */
export const addressStep = (before: Before, values: Values = {}): FormPage => ({
  title: 'CloudStack, step 1 of 3: address',
  values: { address: before?.url ?? '', plain: 'no', ...values },
  back: null,
  spec: {
    notes: ['The address of the management server, as host:port or https://host:port.'],
    fields: [
      textField({ id: 'address', label: 'Address', schema: CertificateRequest.properties.address }),
      choiceField('plain', 'Plain http', [
        { value: 'no', label: 'no' },
        { value: 'yes', label: 'yes: everything on the wire can be read' },
      ]),
    ],
    problems: () => ({}),
    submit: 'Show certificate',
  },
  submit: given => ({
    kind: 'task',
    task: {
      what: `Asking ${given['address'] ?? ''} for its certificate`,
      run: async client => {
        const shown = await client.cloudstackCertificate(placeOf(given))
        return { kind: 'form', form: keysStep(before, given, shown, {}) }
      },
    },
  }),
})

const placeOf = (given: Values) => ({
  address: given['address'] ?? '',
  ...(given['plain'] === 'yes' ? { allowPlainHttp: true } : {}),
})

/** What was confirmed of the server, for the requests that follow. */
const confirmed = (given: Values, { certificate }: CertificateView) => ({
  ...placeOf(given),
  ...(certificate === null ? {} : { thumbprintSha256: certificate.fingerprintSha256 }),
})

/** Half a fingerprint a line, so that it is compared in the same groups on 80 columns. */
const fingerprintLines = (text: string): readonly string[] => text.match(/.{1,48}/g) ?? [text]

const certificateNotes = ({ certificate }: CertificateView): readonly string[] =>
  certificate === null
    ? ['Plain http: there is no certificate, and nobody proves who answers.']
    : [
        `Certificate of ${certificate.subject}, by ${certificate.issuer}, valid ${certificate.validFrom.slice(0, 10)} to ${certificate.validTo.slice(0, 10)}.`,
        'SHA-256 of the certificate:',
        ...fingerprintLines(certificate.fingerprintSha256),
      ]

/** Step 2: whether it is the right server, and the keys for it. Asks it what can be chosen. */
function keysStep(before: Before, place: Values, shown: CertificateView, values: Values): FormPage {
  return {
    title: 'CloudStack, step 2 of 3: certificate and keys',
    values: { confirm: 'no', ...values },
    back: () => addressStep(before, place),
    spec: {
      notes: [...certificateNotes(shown), 'Compare it with what the server says of itself.'],
      fields: [
        choiceField('confirm', 'It is this server', [
          { value: 'no', label: 'not compared' },
          { value: 'yes', label: 'yes, it is the right one' },
        ]),
        textField({
          id: 'apiKey',
          label: 'API key',
          schema: DiscoverRequest.properties.apiKey,
          secret: true,
        }),
        textField({
          id: 'secretKey',
          label: 'Secret key',
          schema: DiscoverRequest.properties.secretKey,
          secret: true,
        }),
      ],
      problems: given =>
        given['confirm'] === 'yes'
          ? {}
          : { confirm: 'The server must be confirmed before it gets the keys.' },
      submit: 'Discover',
    },
    submit: given => ({
      kind: 'task',
      task: {
        what: 'Discovery of CloudStack',
        run: async client => {
          const keys = { apiKey: given['apiKey'] ?? '', secretKey: given['secretKey'] ?? '' }
          const found = await client.discoverCloudstack({ ...confirmed(place, shown), ...keys })
          const saved = { ...confirmed(place, shown), ...keys }
          return {
            kind: 'form',
            form: choiceStep(before, saved, found, () => keysStep(before, place, shown, { confirm: 'yes' })),
          }
        },
      },
    }),
  }
}

type Candidate = Omit<SaveConfiguration, 'choice' | 'expectedRevision'>
interface Named {
  readonly id: string
  readonly name: string
}

const none = { value: '', label: 'none' }
const byName = (items: readonly Named[]) =>
  [...items]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ id, name }) => ({ value: id, label: name === '' ? id : name }))

/** Two of one name are told apart by their ids. */
function options(items: readonly Named[]): readonly { readonly value: string; readonly label: string }[] {
  const names = items.map(item => item.name)
  return byName(items).map(option =>
    names.filter(name => name === option.label).length > 1
      ? { ...option, label: `${option.label} (${option.value})` }
      : option,
  )
}

function applianceNote({ applianceVm }: ResourcesView): string {
  switch (applianceVm.kind) {
    case 'found':
      return `This appliance is the VM ${applianceVm.name}, recognised by ${applianceVm.by}.`
    case 'not-found':
      return 'This appliance was not found among the VMs of the account: its id has to be typed.'
    case 'contradiction':
      return `More than one VM could be this appliance (${applianceVm.ids.join(', ')}): its id has to be typed.`
  }
}

/** Step 3: what is used of it, by name. Saves. */
function choiceStep(before: Before, saved: Candidate, found: ResourcesView, back: () => FormPage): FormPage {
  const { applianceVm } = found
  const isFound = applianceVm.kind === 'found'
  const of = (zoneId: string, items: readonly (Named & { readonly zoneId: string })[]): readonly string[] =>
    items.filter(item => item.zoneId === zoneId).map(item => item.id)
  return {
    title: 'CloudStack, step 3 of 3: what is used',
    values: {
      zoneId: before?.choice.zoneId ?? '',
      diskOfferingId: before?.choice.diskOfferingId ?? '',
      networkId: before?.choice.networkId ?? '',
      templateId: before?.choice.templateId ?? '',
      serviceOfferingId: before?.choice.serviceOfferingId ?? '',
      applianceVmId: isFound ? applianceVm.id : (before?.choice.applianceVmId ?? ''),
    },
    back,
    spec: {
      notes: [
        applianceNote(found),
        ...(found.notPermitted.length === 0
          ? []
          : [`The key may not call: ${found.notPermitted.join(', ')}.`]),
      ],
      fields: [
        choiceField('zoneId', 'Zone', options(found.zones)),
        choiceField('diskOfferingId', 'Disk offering', options(found.diskOfferings)),
        choiceField('networkId', 'Network', [none, ...options(found.networks)]),
        choiceField('templateId', 'Template', [none, ...options(found.templates)]),
        choiceField('serviceOfferingId', 'Service offering', [none, ...options(found.serviceOfferings)]),
        ...(isFound
          ? []
          : [
              textField({
                id: 'applianceVmId',
                label: 'Id of this VM',
                schema: CertificateRequest.properties.address,
              }),
            ]),
      ],
      problems: given => {
        const zone = given['zoneId'] ?? ''
        const problems: Record<string, string> = {}
        if (zone === '') problems['zoneId'] = 'CloudStack showed no zone to this key.'
        if ((given['diskOfferingId'] ?? '') === '')
          problems['diskOfferingId'] = 'CloudStack showed no disk offering to this key.'
        const network = given['networkId'] ?? ''
        if (network !== '' && !of(zone, found.networks).includes(network))
          problems['networkId'] = 'This network is in another zone.'
        const template = given['templateId'] ?? ''
        if (template !== '' && !of(zone, found.templates).includes(template))
          problems['templateId'] = 'This template is in another zone.'
        return problems
      },
      submit: 'Save',
    },
    submit: given => ({
      kind: 'task',
      task: {
        what: 'Saving the configuration of CloudStack',
        run: async client => {
          const orNull = (id: string): string | null =>
            (given[id] ?? '') === '' ? null : (given[id] ?? null)
          const { revision } = await client.saveCloudstackConfiguration({
            ...saved,
            expectedRevision: before?.revision ?? 0,
            choice: {
              zoneId: given['zoneId'] ?? '',
              diskOfferingId: given['diskOfferingId'] ?? '',
              applianceVmId: isFound ? applianceVm.id : orNull('applianceVmId'),
              networkId: orNull('networkId'),
              templateId: orNull('templateId'),
              serviceOfferingId: orNull('serviceOfferingId'),
            },
          })
          return { kind: 'done', text: `CloudStack is configured, revision ${revision}.` }
        },
      },
    }),
  }
}
