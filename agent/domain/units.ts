/** A count of bytes or a byte offset. `bigint`, because disks pass 2^53 in arithmetic long before they do in practice. */
export type Bytes = bigint

export const KIB: Bytes = 1024n
export const MIB: Bytes = 1024n * KIB
export const GIB: Bytes = 1024n * MIB

/** Smallest multiple of `unit` that is not below `value`; `unit` > 0. */
export const roundUp = (value: Bytes, unit: Bytes): Bytes => ((value + unit - 1n) / unit) * unit

/** Largest multiple of `unit` that is not above `value`; `unit` > 0. */
export const roundDown = (value: Bytes, unit: Bytes): Bytes => (value / unit) * unit
