/** Remembers values, and finds them and pieces of them in what was said. */

/** The shortest piece that counts, where it cannot stand in a text by chance. */
const pieceLength = 6
/** Of hexadecimal digits and other poor alphabets more is needed: a uid or a time is made of them too. */
const longPieceLength = 14

export class Canaries {
  readonly #short = new Set<string>()
  readonly #long = new Set<string>()
  #count = 0

  /** The number of values planted. */
  get count(): number {
    return this.#count
  }

  plant(values: readonly (string | Buffer)[]): void {
    for (const value of values) {
      this.#count += 1
      const bytes = Buffer.from(value)
      this.#remember(bytes.toString('latin1'))
      // A piece of base64 depends on where in a group of three bytes it begins.
      for (const offset of [0, 1, 2]) this.#remember(bytes.subarray(offset).toString('base64'))
    }
  }

  /** Each piece once, at most ten, with what stands around it. */
  findIn(text: string): string[] {
    const found = new Set<string>()
    for (const [pieces, length] of [
      [this.#short, pieceLength],
      [this.#long, longPieceLength],
    ] as const) {
      for (let at = 0; at + length <= text.length && found.size < 10; at++) {
        if (pieces.has(text.slice(at, at + length))) found.add(text.slice(Math.max(0, at - 60), at + 60))
      }
    }
    return [...found]
  }

  #remember(text: string): void {
    for (let at = 0; at + pieceLength <= text.length; at++) {
      const piece = text.slice(at, at + pieceLength)
      if (isRandomLooking(piece)) this.#short.add(piece)
    }
    for (let at = 0; at + longPieceLength <= text.length; at++) {
      const piece = text.slice(at, at + longPieceLength)
      if (/^[0-9a-f]+$/i.test(piece)) this.#long.add(piece)
    }
  }
}

/** Letters in both cases and digits, mixed as neither words nor identifiers of Kubernetes are. */
function isRandomLooking(piece: string): boolean {
  return /^[A-Za-z0-9]+$/.test(piece) && /[A-Z]/.test(piece) && /[a-z]/.test(piece) && /[0-9]/.test(piece)
}
