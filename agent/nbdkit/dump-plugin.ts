import { execa } from 'execa'
import { AppError } from '../errors.js'

const timeoutMs = 20_000

/**
 * What a plugin tells of itself, `name=value` each (nbdkit(1), --dump-plugin). Runs plugin and libraries in a process of
 * their own. Rejects with NBD_UNREACHABLE.
 */
export async function dumpPlugin(
  nbdkitPath: string,
  plugin: string,
  parameters: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const result = await execa(nbdkitPath, ['--dump-plugin', plugin, ...parameters], {
    stdin: 'ignore',
    reject: false,
    env: {},
    extendEnv: false,
    timeout: timeoutMs,
    maxBuffer: 100_000,
  })
  if (result.failed) throw new AppError('NBD_UNREACHABLE', `asking the plugin ${plugin} what it is`)
  const pairs = result.stdout.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=')
    return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)]
  })
  return new Map(pairs)
}
