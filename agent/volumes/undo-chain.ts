import { stat } from 'node:fs/promises'
import { type Bytes } from '../domain/units.js'

/**
 * A point as qemu's `--image-opts` takes it: the layers of undo, the top one first, over the device, cut to the size of the
 * disk. Every driver and every file is named here, so neither a header nor a guest's bytes decide what is read. Nothing is
 * locked: the device is written below sealed layers while the point is read.
 */
export async function pointImage(
  layerPaths: readonly string[],
  devicePath: string,
  sizeBytes: Bytes,
): Promise<string> {
  const nodes = ['driver=raw', `size=${sizeBytes}`]
  let key = 'file'
  for (const path of layerPaths) {
    nodes.push(`${key}.driver=qcow2`, `${key}.file.driver=file`, `${key}.file.filename=${escaped(path)}`)
    key += '.backing'
  }
  const driver = (await stat(devicePath)).isBlockDevice() ? 'host_device' : 'file'
  nodes.push(`${key}.driver=${driver}`, `${key}.filename=${escaped(devicePath)}`, `${key}.locking=off`)
  return nodes.join(',')
}

/** qemu doubles a comma inside an option's value. */
const escaped = (path: string): string => path.replaceAll(',', ',,')
