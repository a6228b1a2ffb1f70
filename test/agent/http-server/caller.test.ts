import t from 'tap'
import { roles } from '../../../agent/http-server/caller.js'
import { apiServer } from '../../../agent/http-server/server.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { workerApi } from '../../../agent/http/worker-api.js'
import { hostApi } from '../../../agent/nethelper/http/host-api.js'
import { volumedApi } from '../../../agent/volumes/http/volumed-api.js'
import { declaredRoutes } from '../../lib/declared-routes.js'
import { silent } from '../../lib/saga-harness.js'

void t.test('a route that does not say who may call it is not registered', t => {
  const api = apiServer(silent, 1024)
  t.throws(() => api.get('/v1/forgotten', () => 'open'), /GET \/v1\/forgotten does not say who may call it/)
  t.throws(
    () => api.get('/v1/unknown', { config: { caller: 'boss' as never } }, () => 'open'),
    /does not say who may call it/,
  )
  t.throws(() => api.get('/v1/half', { config: {} }, () => 'open'), /does not say who may call it/)
  api.get('/v1/told', { config: { caller: 'viewer' } }, () => 'told')
  t.ok(api.hasRoute({ method: 'GET', url: '/v1/told' }))
  t.end()
})

void t.test('each server is for its own callers', t => {
  const operator = declaredRoutes(operatorApi)
  t.ok(operator.length > 90)
  t.strictSame(
    operator.filter(({ caller }) => !roles.some(role => role === caller)),
    [],
  )
  const callersOf = (make: (...parts: never[]) => unknown) => [
    ...new Set(declaredRoutes(make).map(({ caller }) => caller)),
  ]
  t.strictSame(callersOf(workerApi), ['worker'])
  t.strictSame(callersOf(volumedApi), ['oma'])
  t.strictSame(callersOf(hostApi), ['console'])
  t.end()
})

void t.test('what a viewer may send changes nothing', t => {
  const sent = declaredRoutes(operatorApi).filter(
    ({ method, caller }) => method !== 'GET' && (caller === 'viewer' || caller === 'anyone'),
  )
  t.strictSame(sent.map(({ operation }) => operation).sort(), ['explainFailover', 'previewSchedule'])
  t.end()
})

void t.test('secrets and what is removed for good are for admins', t => {
  const admin = declaredRoutes(operatorApi).filter(({ caller }) => caller === 'admin')
  t.strictSame(admin.map(({ operation }) => operation).sort(), [
    'discoverCloudstack',
    'discoverResources',
    'removeVolumeFinding',
    'saveCloudstackConfiguration',
    'saveStreamlinedConfiguration',
    'showCloudstackCertificate',
  ])
  t.end()
})
