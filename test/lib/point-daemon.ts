import { serialOfVolume, type LayerId } from '../../agent/domain/ids.js'
import { type PointDaemon } from '../../agent/replication/points/deps.js'
import { type PointService } from '../../agent/volumes/point-service.js'

/** The daemon's part without its socket: each call may be broken off by the test. */
export function pointDaemon(
  service: PointService,
  call: <T>(what: string, work: () => Promise<T>) => Promise<T>,
): PointDaemon {
  const nameOf = ({ id, seq }: { readonly id: LayerId; readonly seq: number }) => ({ seq, layer: id })
  return {
    save: (volume, writing, what, fence) =>
      call('save', async () => service.save(serialOfVolume(volume), nameOf(writing), what, fence)),
    restore: (volume, writing, { kept, ...place }, fence) =>
      call('restore', async () =>
        service.restore(serialOfVolume(volume), nameOf(writing), place, kept, fence),
      ),
    forget: (volume, fence) => call('forget', () => service.forget(serialOfVolume(volume), fence)),
    remove: (serial, layer) => call('remove', () => service.volumes.remove(serial, nameOf(layer))),
    undo: () =>
      call('undo', async () => {
        const { freeBytes, sealed } = await service.undo()
        return { freeBytes, layers: sealed.map(({ serial, ...one }) => ({ ...one, volumeSerial: serial })) }
      }),
    open: (volume, { exportId, pointId, leaseSeconds, ...place }) =>
      call('open', () =>
        service.volumes.openReader(serialOfVolume(volume), {
          exportId,
          point: pointId,
          leaseMs: leaseSeconds * 1000,
          ...place,
        }),
      ),
    close: (serial, exportId) => call('close', () => service.readers.close(exportId, serial)),
    exports: () =>
      call('exports', () =>
        Promise.resolve(
          service.readers.list().map(({ point, serial, ...one }) => ({
            ...one,
            pointId: point,
            volumeSerial: serial,
          })),
        ),
      ),
  }
}
