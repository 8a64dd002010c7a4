/**
 * A YAML or JSON text as values that know where they stand. Nothing that the parser says is passed on: its messages quote
 * the text, which may be a credential.
 */
import type { DocumentOptions, ErrorCode, ParseOptions, SchemaOptions, ScalarTag, Tags } from 'yaml'
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml'
import type { Document, Node } from 'yaml'

/** Offsets into the text, in UTF-16 code units. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Entry {
  /** Where the key stands. */
  readonly keySpan: Span
  readonly tree: Tree
}

/** A value and where it stands. Aliases and merge keys are resolved. */
export type Tree =
  | {
      readonly kind: 'map'
      readonly span: Span
      readonly entries: ReadonlyMap<string, Entry>
      readonly repeated: readonly Repeated[]
    }
  | { readonly kind: 'list'; readonly span: Span; readonly items: readonly Tree[] }
  | { readonly kind: 'scalar'; readonly span: Span; readonly value: string | number | bigint | boolean | null }

/** A key that stands in a map more than once. The last one counts. */
export interface Repeated {
  readonly key: string
  readonly span: Span
}

export interface Position {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units. */
  readonly column: number
}

/** Why a document could not be read, in words of our own. */
export interface SyntaxProblem {
  readonly words: string
  readonly position: Position | undefined
}

export interface ParsedDocument {
  /** Undefined when `problem` is set, or the document is empty. */
  readonly tree: Tree | undefined
  readonly problem: SyntaxProblem | undefined
  /** The template that Helm made the document from, as its comment says. */
  readonly source: string | undefined
}

export interface ParsedText {
  readonly documents: readonly ParsedDocument[]
  position(offset: number): Position
}

/** Nodes that aliases may add to a document; more is an attack, or at least no manifest. */
const maxAliasNodes = 100_000
/** No manifest is nested so deeply, and the stack has to hold it. */
const maxDepth = 200

const words: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) may have neither a tag nor an anchor',
  BAD_ALIAS: 'an alias (*name) has no anchor (&name) before it; a value that begins with * needs quotes',
  BAD_COLLECTION_TYPE: 'a tag (!name) does not fit what follows it',
  BAD_DIRECTIVE: 'a line that begins with % is no directive that is known',
  BAD_DQ_ESCAPE: 'a backslash in double quotes is followed by something that is no escape; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_PROP_ORDER: 'an anchor or a tag stands in the wrong place',
  BAD_SCALAR_START: 'a value begins with a character that YAML keeps for itself (such as @, ` or %); put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a key or a value is missing, or a value that holds ": " has no quotes',
  BLOCK_IN_FLOW: 'a block stands within braces or brackets',
  DUPLICATE_KEY: 'a key stands twice in one map',
  IMPOSSIBLE: 'it is not YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'something is missing: a colon, a comma, a quote, a closing bracket, or a space after one of them',
  MULTILINE_IMPLICIT_KEY: 'a key goes over more than one line; is a colon or a quote missing?',
  MULTIPLE_ANCHORS: 'a value has more than one anchor (&name)',
  MULTIPLE_DOCS: 'a document is not ended by ---',
  MULTIPLE_TAGS: 'a value has more than one tag (!name)',
  NON_STRING_KEY: 'a key is not plain text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab stands in the indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'a tag (!name) cannot be read',
  UNEXPECTED_TOKEN: 'something stands where YAML expects nothing; is an indentation or a quote wrong?',
}

/** Helm and other templates begin so. */
const templateWords = 'it holds template expressions ({{ ... }}): check what the template is rendered to'

/** kubectl reads YAML 1.1, where `yes` is a boolean, but takes neither dates nor numbers of base 60 for anything but text. */
const yamlOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: (tags: Tags) =>
    tags.filter(
      (tag) =>
        typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && (tag as ScalarTag).format !== 'TIME'),
    ),
  // Compared here, in linear time.
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
}

/** Never throws. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter()
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)))
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  let parsed: Document.Parsed[]
  try {
    parsed = [...parseAllDocuments(text, { ...yamlOptions, lineCounter: lines })] as Document.Parsed[]
  } catch {
    // The stack is full, or the parser has a bug: its message could quote the text.
    const problem = { words: words.RESOURCE_EXHAUSTION, position: undefined }
    return { documents: [{ tree: undefined, problem, source: undefined }], position }
  }
  return { documents: parsed.map((document) => readDocument(document, text, position)), position }
}

function readDocument(document: Document.Parsed, text: string, position: ParsedText['position']): ParsedDocument {
  const source = /^ ?Source: ([\w./-]{1,256})$/m.exec(
    `${document.commentBefore ?? ''}\n${document.contents?.commentBefore ?? ''}`,
  )?.[1]
  const [error] = document.errors
  if (error !== undefined) {
    // A template is often not YAML at quite another place than where it begins.
    const isTemplate = text.slice(document.range[0], document.range[2]).includes('{{')
    const problem = { words: isTemplate ? templateWords : words[error.code], position: position(error.pos[0]) }
    return { tree: undefined, problem, source }
  }
  try {
    const tree = document.contents === null ? undefined : new TreeBuilder(document).build(document.contents, 0)
    return { tree, problem: undefined, source }
  } catch (thrown) {
    const problem = {
      words: thrown instanceof TreeError ? thrown.message : words.RESOURCE_EXHAUSTION,
      position: position(document.range[0]),
    }
    return { tree: undefined, problem, source }
  }
}

class TreeError extends Error {}

/** Lives for one document. */
class TreeBuilder {
  readonly #document: Document.Parsed
  #anchors: ReadonlyMap<Node, Node> | undefined
  /** How many aliases are open: above 0 every node is one more than stands in the text. */
  #aliases = 0
  #added = 0

  constructor(document: Document.Parsed) {
    this.#document = document
  }

  build(node: Node | null, depth: number): Tree {
    if (depth > maxDepth) throw new TreeError('it is nested too deeply')
    if (this.#aliases > 0 && ++this.#added > maxAliasNodes)
      throw new TreeError('its aliases (*name) multiply beyond measure')
    if (node !== null && isAlias(node)) {
      this.#aliases++
      const tree = { ...this.build(this.#resolve(node), depth + 1), span: spanOf(node) }
      this.#aliases--
      return tree
    }
    const span = spanOf(node)
    if (isMap(node)) return this.#map(node, depth)
    if (isSeq(node))
      return { kind: 'list', span, items: node.items.map((item) => this.build(item as Node | null, depth + 1)) }
    return { kind: 'scalar', span, value: isScalar(node) ? plainScalar(node.value) : null }
  }

  #map(node: Node, depth: number): Tree {
    const entries = new Map<string, Entry>()
    const merged = new Map<string, Entry>()
    const repeated: Repeated[] = []
    for (const pair of isMap(node) ? node.items : []) {
      if (!isPair(pair)) continue
      const keyNode = pair.key as Node | null
      const tree = this.build(pair.value as Node | null, depth + 1)
      const key = keyOf(keyNode)
      if (key === '<<') {
        // Of several maps the first one wins, and what stands in the map itself before all.
        for (const map of tree.kind === 'list' ? tree.items : [tree]) {
          if (map.kind !== 'map') continue
          for (const [name, entry] of map.entries) if (!merged.has(name)) merged.set(name, entry)
        }
        continue
      }
      const keySpan = spanOf(keyNode)
      if (entries.has(key)) repeated.push({ key, span: keySpan })
      entries.set(key, { keySpan, tree })
    }
    for (const [name, entry] of merged) if (!entries.has(name)) entries.set(name, entry)
    return { kind: 'map', span: spanOf(node), entries, repeated }
  }

  #resolve(alias: Node): Node {
    this.#anchors ??= resolveAliases(this.#document)
    const target = this.#anchors.get(alias)
    if (target === undefined) throw new TreeError(words.BAD_ALIAS)
    return target
  }
}

/** What every alias stands for, in one pass: the library looks through the whole document for each. */
function resolveAliases(document: Document.Parsed): ReadonlyMap<Node, Node> {
  const anchors = new Map<string, Node>()
  const resolved = new Map<Node, Node>()
  visit(document, (_, node) => {
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) resolved.set(node, target)
    } else if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) {
      anchors.set(node.anchor, node)
    }
  })
  return resolved
}

function spanOf(node: Node | null): Span {
  const [start, end] = node?.range ?? [0, 0]
  return { start, end }
}

function keyOf(node: Node | null): string {
  if (isAlias(node)) return ''
  if (!isScalar(node)) return ''
  // With YAML 1.1 the merge key is a symbol.
  if (typeof node.value === 'symbol') return '<<'
  return String(plainScalar(node.value) ?? node.source ?? 'null')
}

function plainScalar(value: unknown): string | number | bigint | boolean | null {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value
    default:
      return value === null || value === undefined ? null : Buffer.from(value as Uint8Array).toString('base64')
  }
}

/** The entry of a map, or undefined. */
export function entryAt(tree: Tree | undefined, ...path: readonly (string | number)[]): Entry | undefined {
  let entry: Entry | undefined
  let current = tree
  for (const part of path) {
    if (typeof part === 'number') {
      const item: Tree | undefined = current?.kind === 'list' ? current.items[part] : undefined
      entry = item === undefined ? undefined : { keySpan: item.span, tree: item }
    } else {
      entry = current?.kind === 'map' ? current.entries.get(part) : undefined
    }
    if (entry === undefined) return undefined
    current = entry.tree
  }
  return entry
}

/** The text at a path, or undefined when there is none. */
export function textAt(tree: Tree | undefined, ...path: readonly (string | number)[]): string | undefined {
  const found = entryAt(tree, ...path)?.tree
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined
}

/** Where the thing at the path stands, or the nearest thing above it that is there. */
export function spanAt(tree: Tree, path: readonly (string | number)[]): Span {
  for (let length = path.length; length > 0; length--) {
    const entry = entryAt(tree, ...path.slice(0, length))
    if (entry !== undefined) return entry.keySpan
  }
  const first = tree.kind === 'map' ? [...tree.entries.values()][0] : undefined
  return first?.keySpan ?? tree.span
}

/** As JSON has it. */
export function toPlain(tree: Tree): unknown {
  switch (tree.kind) {
    case 'map':
      return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, toPlain(entry.tree)]))
    case 'list':
      return tree.items.map(toPlain)
    case 'scalar':
      return tree.value
  }
}
