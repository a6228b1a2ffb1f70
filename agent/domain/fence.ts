declare const brand: unique symbol

/**
 * A number that grows with each right to write that is given out: of two holders, the one with the higher token is the
 * newer. Whoever guards a volume refuses a token lower than the highest it has seen.
 */
export type FenceToken = bigint & { readonly [brand]: 'FenceToken' }

export const fenceToken = (value: bigint): FenceToken => value as FenceToken
