/** Finds pieces of values in what the program says. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** Shorter pieces stand in any text by chance. */
const shortest = 4

/** What stands in the source: the texts of all messages, and every name in the catalogue. */
function literals(folder: string): readonly string[] {
  const texts: string[] = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
    const file = ts.createSourceFile(name, readFileSync(join(folder, name), 'utf8'), ts.ScriptTarget.Latest)
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node)) texts.push(node.text)
      ts.forEachChild(node, visit)
    }
    visit(file)
  }
  return texts
}

function pieces(text: string): Set<string> {
  const found = new Set<string>()
  for (let at = 0; at + shortest <= text.length; at++) found.add(text.slice(at, at + shortest))
  return found
}

/** Where two fixed texts meet: a colon, a space, and a letter on either side. */
function isJoint(piece: string): boolean {
  return piece.replace(/[^A-Za-z0-9]/g, '').length <= 2 && /[ "]/.test(piece)
}

/** Stands for a name of a field, a key or a service: no value has it. */
const aName = '\u{e000}'

const joints = ['://', '.', '. ', ', ', '"', ';', '; ', ': ', ' ', ' (', ')']

/** Lives for one test file: what was said once is not taken apart again. */
export class FixedText {
  readonly #fixed = new Set<string>()
  readonly #names: ReadonlySet<string>
  /** What is said → the pieces of it that are not fixed. */
  readonly #seen = new Map<string, readonly string[]>()

  /** @param names names that may be shown */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names)
    for (const folder of ['catalogue', 'credentials', 'cli']) {
      for (const text of literals(join(import.meta.dirname, '../../src', folder))) {
        // What stands before and behind a text that is put into another one.
        for (const piece of joints.flatMap((joint) => [...pieces(joint + text + joint)])) this.#fixed.add(piece)
      }
    }
  }

  /** Pieces of four characters that what is said has of the value, and that are neither fixed text nor a name. */
  leaked(said: string, value: string): readonly string[] {
    let open = this.#seen.get(said)
    if (open === undefined) {
      // The number of a character that cannot be seen is none of its letters: those of a key may be the same by chance.
      const numberless = said.replace(/U\+[0-9A-F]{4,6}/g, aName)
      const nameless = numberless.replace(/[A-Za-z0-9_][\w.-]*/g, (word) => this.#withoutName(word))
      open = [...pieces(nameless)].filter(
        (piece) => !this.#fixed.has(piece) && !piece.includes(aName) && !isJoint(piece),
      )
      this.#seen.set(said, open)
    }
    return open.filter((piece) => value.includes(piece))
  }

  #withoutName(word: string): string {
    if (this.#names.has(word)) return aName
    const bare = word.replace(/[.]+$/, '')
    return this.#names.has(bare) ? aName + word.slice(bare.length) : word
  }
}
