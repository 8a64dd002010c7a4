/** What the program says while it runs: one JSON line an entry, on stdout, and nothing else there. */
import { pino } from 'pino'

/**
 * The part of pino that the program uses. Fields come first and hold no object that could carry a secret: names, ids,
 * codes and counts only. Error objects are never logged whole, a library's message may hold a value.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Logger
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

const nothing = (): void => undefined

/** Says nothing: for tests and for commands whose output is something else. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
}

/** A logger that writes JSON lines with ISO timestamps and level names to `destination` (default: stdout, synchronously). */
export function createLogger(level: LogLevel, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    // Whatever is passed as `err` is reduced to its class: messages of servers and libraries can hold values.
    serializers: { err: (error: unknown) => (error instanceof Error ? error.name : typeof error) },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
