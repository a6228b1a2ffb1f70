import { destination, pino, stdTimeFunctions } from 'pino'

/** Structured log; the message is constant and lower-case, data goes into fields. */
export interface Logger {
  readonly debug: (fields: object, message: string) => void
  readonly info: (fields: object, message: string) => void
  readonly warn: (fields: object, message: string) => void
  readonly error: (fields: object, message: string) => void
  readonly fatal: (fields: object, message: string) => void
}

/** Logs JSON lines to standard output, where journald keeps them. `err` fields print with their chain of causes. */
export const createLogger = (role: string, level: string): Logger =>
  pino({ level, base: { role }, timestamp: stdTimeFunctions.isoTime }, destination({ fd: 1, sync: true }))
