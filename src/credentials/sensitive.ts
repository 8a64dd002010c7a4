import { inspect } from 'node:util'

const redacted = '[redacted]'

/**
 * Bytes that cannot be printed by accident: string conversion, JSON, util.inspect and template literals give
 * `[redacted]`, and the bytes are a private field, so that loggers and clones that walk properties find nothing.
 */
export class Sensitive {
  readonly #bytes: Uint8Array
  #wiped = false
  readonly byteLength: number

  /** Takes the bytes over without a copy, because a copy would be one more thing to wipe. */
  static of(bytes: Uint8Array): Sensitive {
    return new Sensitive(bytes)
  }

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    // Private fields stay invisible to loggers; the length is enough to tell values apart in a debugger.
    this.byteLength = bytes.byteLength
    Object.defineProperty(this, 'byteLength', { enumerable: false })
  }

  /**
   * The bytes themselves, not a copy.
   * @throws Error when the value was wiped: the zeros that are left must never be taken for a credential.
   */
  reveal(): Uint8Array {
    if (this.#wiped) throw new Error('the value was wiped')
    return this.#bytes
  }

  equals(other: Sensitive | Uint8Array): boolean {
    const bytes = other instanceof Sensitive ? other.reveal() : other
    return Buffer.compare(this.reveal(), bytes) === 0
  }

  /** Overwrites the bytes with zeros. May be called again. */
  wipe(): void {
    this.#bytes.fill(0)
    this.#wiped = true
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  [inspect.custom](): string {
    return redacted
  }
}
