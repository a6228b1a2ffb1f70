import { join } from 'node:path'
import { type VolumedConfig } from '../config/schema.js'
import { listenOnSocket } from '../http-server/listen.js'
import { type Logger } from '../log/logger.js'
import { keepNothing } from './apply-overlay.js'
import { endLeftServers, requireOwnDirectory } from './directories.js'
import { VolumeExports } from './exports.js'
import { volumedApi } from './http/volumed-api.js'
import { lockInstance } from './instance-lock.js'
import { NameKeeper } from './name-keeper.js'
import { StagedVolumes } from './staged-work.js'

const startTimeoutMs = 10_000
const namesIntervalMs = 2000
/** The daemon's user and the group of the agent. */
const socketMode = 0o660

/**
 * Starts the volume daemon. Rejects with CONFIG_INVALID when a directory is not fit, with ALREADY_RUNNING when another
 * daemon works on the same state or socket. `close` ends every export and rejects with TARGET_FLUSH_FAILED when one of them
 * ended without a good flush.
 */
export async function startVolumed(
  config: VolumedConfig,
  logger: Logger,
): Promise<{ readonly close: () => Promise<void> }> {
  await requireOwnDirectory('state_dir', config.state_dir)
  await requireOwnDirectory('export_socket_dir', config.export_socket_dir)
  await requireOwnDirectory('staging_dir', config.staging_dir)
  await requireOwnDirectory('names_dir', config.names_dir)
  const lock = await lockInstance(join(config.state_dir, 'lock'))
  const parts = {
    byIdDir: config.by_id_dir,
    socketDir: config.export_socket_dir,
    nbdkitPath: config.nbdkit,
    staging: { dir: config.staging_dir, qemuNbdPath: config.qemu_nbd, qemuImgPath: config.qemu_img },
    startTimeoutMs,
    logger,
  }
  const exports = new VolumeExports({ ...parts, stateDir: config.state_dir })
  const staged = new StagedVolumes({ ...parts, exports, preserve: keepNothing })
  const { by_id_dir: byIdDir, names_dir: namesDir } = config
  const names = new NameKeeper({ byIdDir, namesDir, intervalMs: namesIntervalMs, logger })
  const api = volumedApi(exports, staged, names, logger)
  const close = async (): Promise<void> => {
    try {
      await api.close()
      await names.stop()
      await staged.stop()
      await exports.closeAll()
    } finally {
      await lock.close()
    }
  }
  try {
    const left = await endLeftServers(config.export_socket_dir)
    await names.start()
    await listenOnSocket(api, config.api.socket, socketMode)
    logger.info({ socket: config.api.socket, leftServers: left }, 'volume daemon ready')
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}
