import { stat } from 'node:fs/promises'

/** A node of qemu's block graph as `--image-opts` takes it. Every driver is named: nothing of a guest's bytes is probed. */
export interface OverlayNode {
  readonly path: string
  /** The device below it, read only; left out: what the overlay does not hold reads as zeroes. */
  readonly backingPath?: string
}

export async function imageOptions({ path, backingPath }: OverlayNode): Promise<string> {
  const own = ['driver=qcow2', 'discard=unmap', 'lazy-refcounts=off', ...(await fileOptions('file', path))]
  // Without this a name in the image's header would decide what is read.
  if (backingPath === undefined) return [...own, 'backing='].join(',')
  const below = ['backing.driver=raw', 'backing.read-only=on']
  return [...own, ...below, ...(await fileOptions('backing.file', backingPath))].join(',')
}

async function fileOptions(key: string, path: string): Promise<readonly string[]> {
  const driver = (await stat(path)).isBlockDevice() ? 'host_device' : 'file'
  return [`${key}.driver=${driver}`, `${key}.filename=${escaped(path)}`]
}

/** qemu doubles a comma inside an option's value. */
const escaped = (path: string): string => path.replaceAll(',', ',,')
