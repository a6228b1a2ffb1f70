import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MachineIdentity } from '../cloudstack/deps.js'

/** Read from sysfs. What cannot be read is left out: the caller then has less to compare. */
export async function machineIdentity(sysfsDir: string): Promise<MachineIdentity> {
  const net = join(sysfsDir, 'class/net')
  const names = await readdir(net).catch(() => [])
  const addresses = await Promise.all(names.map(name => textOf(join(net, name, 'address'))))
  return {
    systemUuid: (await textOf(join(sysfsDir, 'class/dmi/id/product_uuid')))?.toLowerCase(),
    macAddresses: addresses.filter(
      (mac): mac is string => mac !== undefined && mac !== '00:00:00:00:00:00' && mac !== '',
    ),
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    return undefined
  }
}
