import os from 'node:os'
import type { OwnAddress } from './state.js'

/**
 * The addresses others reach this machine at; null where the kernel does not tell (a console that may open unix sockets
 * only is not told).
 */
export function ownAddresses(): readonly OwnAddress[] | null {
  try {
    return Object.entries(os.networkInterfaces()).flatMap(([interfaceName, entries]) =>
      (entries ?? [])
        .filter(entry => !entry.internal && !entry.address.startsWith('fe80:'))
        .map(entry => ({ interfaceName, address: entry.address })),
    )
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return null
    throw error
  }
}
