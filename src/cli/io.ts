/** What a command needs of its process. */
export interface Io {
  out(text: string): void
  err(text: string): void
  /** All of the standard input. */
  readInput(): Promise<Uint8Array>
  /** Whether what is written to stdout is seen on a terminal that shows colours. */
  readonly colours: boolean
  /** Columns of that terminal; undefined when there is none. */
  readonly columns: number | undefined
  readonly workingDirectory: string
  /** Milliseconds since the epoch. */
  now(): number
}

/** A mistake of whoever typed the command: told on stderr, with exit code 2. */
export class UsageError extends Error {}
