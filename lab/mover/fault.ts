import { type ErrorName } from './wire.js'

/**
 * What goes wrong with a request. `drop` ends the connection, `crash` all of them and everything that was not flushed,
 * `stall` never answers, `flush-loss` fails a flush and loses what it should have kept. The rest are answers against the
 * protocol, or allowed by it and easily mistaken.
 */
export type Fault =
  | ErrorName
  | 'drop'
  | 'crash'
  | 'stall'
  | 'flush-loss'
  | 'split'
  | 'short'
  | 'twice'
  | 'outside'
  | 'wrong-magic'
  | 'wrong-cookie'
  | 'part'
  | 'past-end'
  | 'empty'
