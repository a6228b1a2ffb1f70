import { type DiskReaders } from './deps.js'
import { type VddkLibrary } from './vddk-library.js'

/** VDDK where its library is, for each disk anew; the datastore's own HTTPS otherwise. */
export const chosenReaders = (
  vddk: Pick<VddkLibrary, 'isPresent'>,
  withVddk: DiskReaders | undefined,
  withoutVddk: DiskReaders,
): DiskReaders => ({
  open: async (request, signal) => {
    const readers = withVddk !== undefined && (await vddk.isPresent()) ? withVddk : withoutVddk
    return readers.open(request, signal)
  },
})
