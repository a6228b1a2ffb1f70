import process from 'node:process'
import { parseArgs } from 'node:util'
import { readConfig } from '../../config/read.js'
import { AppError, errorTable } from '../../errors.js'
import { installVddk } from './install.js'

const usage = 'usage: vddk --config VMA.toml --archive VMware-vix-disklib-VERSION.x86_64.tar.gz'
/** As sysexits.h has them: EX_USAGE, EX_DATAERR, EX_CONFIG. */
const status = { usage: 64, refused: 65, config: 78 } as const

/** Installs the VDDK an operator downloaded where the VMA of this configuration looks for it. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) {
    process.stderr.write(`${usage}\n`)
    return status.usage
  }
  try {
    const config = await readConfig(options.config)
    if (config.role !== 'vma' || config.vddk === undefined)
      throw new AppError('CONFIG_INVALID', `${options.config}: a VMA with vddk.library_dir is needed`)
    const { plugin, library_dir: libraryDir } = config.vddk
    const place = { libraryDir, plugin, nbdkitPath: config.nbdkit }
    const { file, major } = await installVddk({ ...place, archivePath: options.archive })
    process.stdout.write(
      `VDDK ${major} (${file}) is installed in ${libraryDir}; the VMA uses it from now on.\n`,
    )
    return 0
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { sentence, next } = errorTable[error.code]
    process.stderr.write(`vddk: ${error.code}: ${sentence}\n${error.message}\n${next}\n`)
    return error.code === 'CONFIG_INVALID' ? status.config : status.refused
  }
}

function readOptions(
  args: readonly string[],
): { readonly config: string; readonly archive: string } | undefined {
  try {
    const options = { config: { type: 'string' }, archive: { type: 'string' } } as const
    const { config, archive } = parseArgs({ args: [...args], options }).values
    return config === undefined || archive === undefined ? undefined : { config, archive }
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

process.exitCode = await main()
