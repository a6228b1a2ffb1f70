import { execFile } from 'node:child_process'

export interface Comparison {
  readonly identical: boolean
  /** What the tool that differs said; empty when both agree. */
  readonly found: string
}

/**
 * Compares an image with the first bytes of a volume by two tools that are not ours. A volume may be larger than its disk;
 * what lies behind the disk does not count.
 */
export async function compareImages(image: string, volume: string, lengthBytes: bigint): Promise<Comparison> {
  const cmp = await run('/usr/bin/cmp', ['--bytes', lengthBytes.toString(), image, volume])
  if (cmp.status !== 0) return { identical: false, found: `cmp: ${cmp.text}` }
  const part = `driver=raw,offset=0,size=${lengthBytes},file.driver=file,file.filename=`
  const compared = await run('/usr/bin/qemu-img', [
    'compare',
    '--image-opts',
    `${part}${escaped(image)}`,
    `${part}${escaped(volume)}`,
  ])
  if (compared.status !== 0) return { identical: false, found: `qemu-img compare: ${compared.text}` }
  return { identical: true, found: '' }
}

/** qemu doubles a comma inside an option's value. */
const escaped = (path: string): string => path.replaceAll(',', ',,')

function run(
  program: string,
  argv: readonly string[],
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, argv, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, text: '' })
      else if (typeof error.code === 'number')
        resolve({ status: error.code, text: `${stdout}${stderr}`.trim() })
      else reject(new Error(`${program} could not be run`, { cause: error }))
    })
  })
}
