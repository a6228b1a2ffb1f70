import { type Static } from 'typebox'
import {
  CertificateRequest,
  CertificateView,
  ConfigurationView,
  DiscoverRequest,
  LegacyDiscoverRequest,
  ResourcesView,
  SaveConfiguration,
  ValidationView,
} from '../api/cloudstack.js'
import { ErrorReply } from '../api/schemas.js'
import { type apiServer } from '../http-server/server.js'
import { hangUp } from './hang-up.js'

type Stored = Omit<ConfigurationView, 'updatedAt'> & { readonly updatedAt: Date }

/** What an operator does with the CloudStack configuration. */
export interface CloudstackAdministration {
  readonly certificate: (request: Static<typeof CertificateRequest>) => Promise<CertificateView>
  readonly discover: (request: DiscoverRequest, signal: AbortSignal) => Promise<ResourcesView>
  readonly read: () => Promise<Stored>
  readonly save: (request: SaveConfiguration, signal: AbortSignal) => Promise<Stored>
  readonly validate: (signal: AbortSignal) => Promise<ValidationView['findings']>
}

const replies = <T>(schema: T) => ({ 200: schema, default: ErrorReply })

/** Adds the endpoints of the CloudStack configuration. A caller that hangs up ends what was asked for it. */
export function addCloudstackRoutes(
  api: ReturnType<typeof apiServer>,
  administration: CloudstackAdministration,
): void {
  api.post(
    '/v1/cloudstack/certificate',
    {
      config: { caller: 'admin' },
      schema: {
        operationId: 'showCloudstackCertificate',
        body: CertificateRequest,
        response: replies(CertificateView),
      },
    },
    request => administration.certificate(request.body),
  )
  api.post(
    '/v1/cloudstack/discovery',
    {
      config: { caller: 'admin' },
      schema: {
        operationId: 'discoverCloudstack',
        body: DiscoverRequest,
        response: replies(ResourcesView),
      },
    },
    async (request, reply) => administration.discover(request.body, hangUp(reply.raw)),
  )
  api.post(
    '/api/v1/ossea/discover-resources',
    {
      config: { caller: 'admin' },
      schema: {
        operationId: 'discoverResources',
        body: LegacyDiscoverRequest,
        response: replies(ResourcesView),
      },
    },
    async (request, reply) => administration.discover(fromLegacy(request.body), hangUp(reply.raw)),
  )
  api.get(
    '/v1/cloudstack/configuration',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readCloudstackConfiguration', response: replies(ConfigurationView) },
    },
    async () => viewOf(await administration.read()),
  )
  for (const [method, url, operationId] of [
    ['PUT', '/v1/cloudstack/configuration', 'saveCloudstackConfiguration'],
    ['POST', '/api/v1/ossea/config-streamlined', 'saveStreamlinedConfiguration'],
  ] as const)
    api.route({
      method,
      url,
      config: { caller: 'admin' },
      schema: { operationId, body: SaveConfiguration, response: replies(ConfigurationView) },
      handler: async (request, reply) => viewOf(await administration.save(request.body, hangUp(reply.raw))),
    })
  api.post(
    '/v1/cloudstack/validation',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'validateCloudstack', response: replies(ValidationView) },
    },
    async (_request, reply) => ({ findings: await administration.validate(hangUp(reply.raw)) }),
  )
}

/** Field by field, so that nothing that is stored beside comes out. */
const viewOf = (stored: Stored): ConfigurationView => ({
  revision: stored.revision,
  url: stored.url,
  thumbprintSha256: stored.thumbprintSha256,
  signatureVersion: stored.signatureVersion,
  choice: { ...stored.choice },
  updatedAt: stored.updatedAt.toISOString(),
})

const fromLegacy = (body: Static<typeof LegacyDiscoverRequest>): DiscoverRequest => ({
  address: body.base_url,
  apiKey: body.api_key,
  secretKey: body.secret_key,
  ...(body.thumbprint_sha256 === undefined ? {} : { thumbprintSha256: body.thumbprint_sha256 }),
  ...(body.allow_plain_http === undefined ? {} : { allowPlainHttp: body.allow_plain_http }),
})
