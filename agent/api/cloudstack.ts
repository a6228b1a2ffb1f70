import { Type, type Static } from 'typebox'
import { Id, Instant } from './schemas.js'

/** How an operator configures CloudStack. Keys go in and never come out. */
const closed = { additionalProperties: false }
const NullableId = Type.Union([Id, Type.Null()])
/** Never shown in an answer; the message of a refused request names the field, not its value. */
const KeyText = Type.String({ minLength: 1, maxLength: 512 })
const Address = Type.String({ minLength: 1, maxLength: 1000, description: 'host:port, or https://host:port' })
const PlainHttp = Type.Boolean({ description: 'accept an http:// address, on which everything is readable' })
const Thumbprint = Type.String({ maxLength: 128, description: 'SHA-256 of the certificate, confirmed' })
const SignatureVersion = Type.Union([Type.Literal(1), Type.Literal(3)])

export const CertificateRequest = Type.Object(
  { address: Address, allowPlainHttp: Type.Optional(PlainHttp) },
  closed,
)
export const CertificateView = Type.Object({
  url: Type.String(),
  certificate: Type.Union([
    Type.Object({
      subject: Type.String(),
      issuer: Type.String(),
      validFrom: Instant,
      validTo: Instant,
      fingerprintSha256: Type.String(),
    }),
    Type.Null(),
  ]),
})
export type CertificateView = Static<typeof CertificateView>

const candidate = {
  ...CertificateRequest.properties,
  thumbprintSha256: Type.Optional(Thumbprint),
  signatureVersion: Type.Optional(SignatureVersion),
}
export const DiscoverRequest = Type.Object({ ...candidate, apiKey: KeyText, secretKey: KeyText }, closed)
export type DiscoverRequest = Static<typeof DiscoverRequest>

/** The same as the product before this one took it. */
export const LegacyDiscoverRequest = Type.Object(
  {
    base_url: Address,
    api_key: KeyText,
    secret_key: KeyText,
    thumbprint_sha256: Type.Optional(Thumbprint),
    allow_plain_http: Type.Optional(PlainHttp),
  },
  closed,
)

const named = { id: Type.String(), name: Type.String() }
export const ResourcesView = Type.Object({
  zones: Type.Array(Type.Object(named)),
  domains: Type.Array(Type.Object(named)),
  networks: Type.Array(Type.Object({ ...named, zoneId: Type.String(), type: Type.String() })),
  templates: Type.Array(
    Type.Object({
      ...named,
      zoneId: Type.String(),
      sizeBytes: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  serviceOfferings: Type.Array(Type.Object({ ...named, isCustomized: Type.Boolean() })),
  diskOfferings: Type.Array(Type.Object({ ...named, isCustomized: Type.Boolean() })),
  applianceVm: Type.Union([
    Type.Object({
      kind: Type.Literal('found'),
      ...named,
      by: Type.Union([Type.Literal('uuid'), Type.Literal('mac'), Type.Literal('both')]),
    }),
    Type.Object({ kind: Type.Literal('not-found') }),
    Type.Object({ kind: Type.Literal('contradiction'), ids: Type.Array(Type.String()) }),
  ]),
  notPermitted: Type.Array(Type.String(), { description: 'commands the key may not call' }),
})
export type ResourcesView = Static<typeof ResourcesView>

export const SaveConfiguration = Type.Object(
  {
    ...candidate,
    expectedRevision: Type.Integer({ minimum: 0, description: 'the revision read before; 0: none yet' }),
    apiKey: Type.Optional(KeyText),
    secretKey: Type.Optional(KeyText),
    choice: Type.Object(
      {
        zoneId: Id,
        diskOfferingId: Id,
        applianceVmId: NullableId,
        networkId: NullableId,
        templateId: NullableId,
        serviceOfferingId: NullableId,
      },
      closed,
    ),
  },
  closed,
)
export type SaveConfiguration = Static<typeof SaveConfiguration>

export const ConfigurationView = Type.Object({
  revision: Type.Integer({ minimum: 1 }),
  url: Type.String(),
  thumbprintSha256: Type.Union([Type.String(), Type.Null()]),
  signatureVersion: SignatureVersion,
  choice: Type.Object({
    zoneId: Id,
    diskOfferingId: Id,
    applianceVmId: Id,
    networkId: NullableId,
    templateId: NullableId,
    serviceOfferingId: NullableId,
  }),
  updatedAt: Instant,
})
export type ConfigurationView = Static<typeof ConfigurationView>

export const ValidationView = Type.Object({
  findings: Type.Array(
    Type.Object({
      code: Type.String(),
      severity: Type.Union([
        Type.Literal('ok'),
        Type.Literal('warning'),
        Type.Literal('error'),
        Type.Literal('unknown', { description: 'it could not be checked' }),
      ]),
      what: Type.String(),
      remedy: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
})
export type ValidationView = Static<typeof ValidationView>
