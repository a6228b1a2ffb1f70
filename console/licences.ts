/** Third-party parts of the product, as the screen "About" lists them. */
export interface LicenceRow {
  readonly name: string
  readonly licence: string
  readonly use: string
}

export const licences: readonly LicenceRow[] = [
  { name: '@fastify/swagger', licence: 'MIT', use: 'description of the API' },
  { name: '@fastify/type-provider-typebox', licence: 'MIT', use: 'types of the API' },
  { name: 'blessed', licence: 'MIT', use: 'drawing on terminals' },
  { name: 'croner', licence: 'MIT', use: 'cron expressions' },
  { name: 'execa', licence: 'MIT', use: 'starting other programs' },
  { name: 'fast-xml-parser', licence: 'MIT', use: 'answers of vCenter, OVF properties' },
  { name: 'fastify', licence: 'MIT', use: 'the API' },
  { name: 'knex', licence: 'MIT', use: 'queries' },
  { name: 'libnbd', licence: 'LGPL-2.1+', use: 'moving disks (shared library)' },
  { name: 'MariaDB', licence: 'GPL-2', use: 'database (program of its own)' },
  { name: 'mysql2', licence: 'MIT', use: 'talking to the database' },
  { name: 'nbdkit', licence: 'BSD-3-Clause', use: 'serving disks (program of its own)' },
  { name: 'node-addon-api', licence: 'MIT', use: 'the copy engine' },
  { name: 'pino', licence: 'MIT', use: 'log' },
  { name: 'smol-toml', licence: 'BSD-3-Clause', use: 'configuration files' },
  { name: 'tar', licence: 'BlueOak-1.0.0', use: 'unpacking VDDK' },
  { name: 'typebox', licence: 'MIT', use: 'schemas' },
  { name: 'undici', licence: 'MIT', use: 'HTTP' },
]
