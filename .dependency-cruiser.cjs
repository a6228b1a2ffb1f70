/** Who may import whom: docs/architecture.md draws it, this file enforces it. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { pathNot: [...allowed, '^node:', 'node_modules'], dependencyTypesNot: ['core'] },
})
const packageOnlyIn = (name, packages, folders) => ({
  name,
  severity: 'error',
  from: { path: '^(agent|console|native|wizard|lab)/', pathNot: folders },
  to: { path: `node_modules/(${packages})/` },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '(nbd\\.node|package\\.json)$' },
    },
    {
      name: 'product-knows-no-lab',
      severity: 'error',
      from: { path: '^(agent|console|native|wizard)/' },
      to: { path: '^(lab|test)/' },
    },
    {
      name: 'product-runs-without-dev-packages',
      severity: 'error',
      from: { path: '^(agent|console|native|wizard|lab)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '@types' },
    },
    only('native', '^native/', ['^native/', 'nbd\\.node$']),
    only('errors', '^agent/errors(\\.ts$|/)', ['^agent/errors/']),
    only('api', '^agent/api/', ['^agent/api/', '^agent/errors\\.ts$']),
    only('domain', '^agent/domain/', ['^agent/domain/']),
    only('config', '^agent/config/', ['^agent/config/', '^agent/errors\\.ts$', '^agent/log/']),
    only('log', '^agent/log/', ['^agent/log/', '^agent/errors\\.ts$']),
    only('saga', '^agent/saga/', ['^agent/saga/', '^agent/domain/', '^agent/errors\\.ts$', '^agent/log/']),
    only('replication', '^agent/replication/', [
      '^agent/(replication|saga|domain|log)/',
      '^agent/errors\\.ts$',
    ]),
    only('failover', '^agent/failover/', [
      '^agent/(failover|saga|domain|log)/',
      '^agent/replication/tasks/',
      '^agent/volume-controller/patience\\.ts$',
      '^agent/errors\\.ts$',
    ]),
    only('schedule', '^agent/schedule/', ['^agent/(schedule|domain|log)/', '^agent/errors\\.ts$']),
    only('vsphere', '^agent/vsphere/', [
      '^agent/(vsphere|domain|log|tls)/',
      '^agent/source/deps\\.ts$',
      '^agent/errors\\.ts$',
    ]),
    only('tls', '^agent/tls/', ['^agent/tls/']),
    only('cloudstack', '^agent/cloudstack/', [
      '^agent/(cloudstack|domain|files|log|tls)/',
      '^agent/errors\\.ts$',
    ]),
    only('nbd', '^agent/nbd/', ['^agent/(nbd|domain|log)/', '^agent/errors\\.ts$', '^native/']),
    only('nbdkit', '^agent/nbdkit/', ['^agent/nbdkit/', '^agent/errors\\.ts$']),
    only('store', '^agent/store/', [
      '^agent/(store|domain|log|api)/',
      '^agent/saga/(log|step|history)\\.ts$',
      '^agent/(replication|http|cloudstack|replication/(points|snapshot-set|tasks|verify))/deps\\.ts$',
      '^agent/http/(schedule|volume|point|failover)-deps\\.ts$',
      '^agent/failover/(deps|blueprint|sagas|explain|explanation-view)\\.ts$',
      '^agent/replication/points/kept-points\\.ts$',
      '^agent/replication/staging-deps\\.ts$',
      '^agent/(schedule|volume-controller)/',
      '^agent/errors\\.ts$',
    ]),
    only('volume-controller', '^agent/volume-controller/', [
      '^agent/(volume-controller|saga|domain|log)/',
      '^agent/errors\\.ts$',
    ]),
    only('volumes', '^agent/volumes/', [
      '^agent/(volumes|nbd|nbdkit|files|api|http-server|http-client|domain|log|config)/',
      '^native/',
      '^agent/errors\\.ts$',
    ]),
    only('source', '^agent/source/', [
      '^agent/(source|nbd|nbdkit|api|http-client|domain|log|config)/',
      '^agent/errors\\.ts$',
    ]),
    only('nethelper', '^agent/nethelper/', [
      '^agent/(nethelper|api|files|http-server|log)/',
      '^agent/errors\\.ts$',
    ]),
    only('http-server', '^agent/http-server/', ['^agent/(http-server|log)/', '^agent/errors\\.ts$']),
    only('http-client', '^agent/http-client/', ['^agent/(http-client|api)/', '^agent/errors\\.ts$']),
    only('http', '^agent/http/', [
      '^agent/(http|http-server|api|domain|log)/',
      '^agent/replication/',
      '^agent/volume-controller/operation\\.ts$',
      '^agent/errors\\.ts$',
    ]),
    only('console', '^console/', ['^console/', '^agent/api/', '^agent/errors\\.ts$']),
    only('files', '^agent/files/', ['^agent/files/']),
    only('wizard', '^wizard/', [
      '^wizard/',
      '^console/',
      '^agent/(api|files|http-client)/',
      '^agent/vsphere/balanced\\.ts$',
      '^agent/errors\\.ts$',
    ]),
    only('simulators', '^lab/(vcenter|cloudstack|vddk)/', ['^lab/(vcenter|cloudstack|vddk)/']),
    only('mover-lab', '^lab/mover/', ['^lab/mover/', '^native/']),
    // Its clock is injected, so it stands on the parts of the product instead of its processes.
    only('schedule-lab', '^lab/schedule/', [
      '^lab/schedule/',
      '^lab/site/random\\.ts$',
      '^agent/(schedule|store|domain|api|log)/',
      '^agent/errors\\.ts$',
    ]),
    only('lab', '^lab/(?!(mover|schedule)/)', ['^lab/', '^agent/api/', '^agent/errors\\.ts$']),
    packageOnlyIn('croner-in-schedule', 'croner', '^agent/schedule/'),
    packageOnlyIn('knex-in-store', 'knex|mysql2', '^agent/store/'),
    packageOnlyIn('blessed-in-console-ui', 'blessed', '^console/ui/'),
    packageOnlyIn(
      'fastify-at-the-http-edge',
      'fastify|@fastify',
      '^(agent/http|agent/http-server|agent/volumes/http|agent/source/http|lab)/',
    ),
    packageOnlyIn('xml-at-its-edges', 'fast-xml-parser', '^(agent/vsphere|lab/vcenter|wizard)/'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|native/build)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
