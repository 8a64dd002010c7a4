/** What is wrong with keys and certificates in PEM. Pure; messages of the crypto library are never passed on. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { PemKind } from '../catalogue/definition.ts'

export type PemProblem =
  | { readonly code: 'EscapedLineBreaks' | 'MissingLineBreaks' | 'PemUnreadable' }
  | { readonly code: 'PemIncomplete'; readonly params: { readonly line: string } }
  | { readonly code: 'WrongKindOfValue'; readonly params: { readonly is: string } }
  | { readonly code: 'CarriageReturn'; readonly severity: 'warning' }

interface Block {
  readonly label: string
  readonly text: string
}

/** No key is longer, and what OpenSSL does with one that is need not be found out. */
const longestKey = 64 * 1024
/** More than the bundles of operating systems hold. The rest is taken on trust. */
const mostCertificates = 300

const begin = '-----BEGIN '
const dashes = '-----'

/**
 * @param text the trimmed value
 * @returns undefined when the text has neither a BEGIN nor an END line, so that it is something else than PEM
 */
export function pemProblems(text: string, kinds: readonly PemKind[]): readonly PemProblem[] | undefined {
  if (!text.includes(begin)) {
    return text.includes('-----END ') ? [{ code: 'PemIncomplete', params: { line: 'BEGIN' } }] : undefined
  }
  if (text.includes('\\n')) return [{ code: 'EscapedLineBreaks' }]
  if (!/[\r\n]/.test(text)) return [{ code: text.includes('-----END ') ? 'MissingLineBreaks' : 'PemUnreadable' }]
  const blocks = splitBlocks(text)
  if (blocks === undefined) return [{ code: 'PemIncomplete', params: { line: 'END' } }]
  const wanted = blocks.filter(({ label, text: block }) => isAllowed(kindOf(label, block), kinds))
  const [first] = blocks
  if (wanted.length === 0 || first === undefined) {
    return first === undefined
      ? [{ code: 'PemUnreadable' }]
      : [{ code: 'WrongKindOfValue', params: { is: describeBlock(first) } }]
  }
  return checkBlocks(wanted, kinds) ?? (text.includes('\r') ? [{ code: 'CarriageReturn', severity: 'warning' }] : [])
}

/** Undefined: a block does not end, or ends as something else. */
function splitBlocks(text: string): readonly Block[] | undefined {
  const blocks: Block[] = []
  let at = text.indexOf(begin)
  while (at >= 0) {
    const labelEnd = text.indexOf(dashes, at + begin.length)
    // Labels are short. Without the bound, many BEGINs without an end would take time that grows faster than the text.
    if (labelEnd < 0 || labelEnd - at > 80) return undefined
    const label = text.slice(at + begin.length, labelEnd)
    const body = labelEnd + dashes.length
    const end = text.indexOf(dashes, body)
    const line = `-----END ${label}-----`
    if (end < 0 || !text.startsWith(line, end)) return undefined
    // What stands before or behind a block on its lines is part of it: programs that read PEM do not take it.
    const first = text.lastIndexOf('\n', at) + 1
    const next = text.indexOf('\n', end)
    blocks.push({ label, text: `${text.slice(first, next < 0 ? text.length : next)}\n` })
    at = text.indexOf(begin, end + line.length)
  }
  return blocks
}

type BlockKind = PemKind | 'other'

function kindOf(label: string, text: string): BlockKind {
  if (label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE' || label === 'X509 CERTIFICATE') return 'certificate'
  if (label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY') return 'public key'
  if (label === 'ENCRYPTED PRIVATE KEY' || text.includes('Proc-Type: 4,ENCRYPTED')) return 'encrypted private key'
  if (label === 'RSA PRIVATE KEY') return 'RSA private key'
  return label === 'PRIVATE KEY' || label === 'EC PRIVATE KEY' ? 'private key' : 'other'
}

function isAllowed(kind: BlockKind, kinds: readonly PemKind[]): boolean {
  if (kind === 'other') return false
  if (kind === 'RSA private key') return kinds.includes(kind) || kinds.includes('private key')
  // Whether such a key is one for RSA shows when it is read.
  if (kind === 'private key') return kinds.includes(kind) || kinds.includes('RSA private key')
  return kinds.includes(kind)
}

function describeBlock({ label, text }: Block): string {
  switch (kindOf(label, text)) {
    case 'certificate':
      return 'a certificate'
    case 'encrypted private key':
      return 'a private key behind a passphrase'
    case 'private key':
    case 'RSA private key':
      return 'a private key'
    case 'public key':
      return 'a public key'
    case 'other':
      if (label === 'OPENSSH PRIVATE KEY') return 'a private key in the format of OpenSSH'
      return label.includes('REQUEST') ? 'a request for a certificate' : 'PEM of another kind'
  }
}

function checkBlocks(blocks: readonly Block[], kinds: readonly PemKind[]): readonly PemProblem[] | undefined {
  let certificates = 0
  try {
    for (const { label, text } of blocks) {
      const kind = kindOf(label, text)
      if (kind === 'certificate') {
        if (++certificates <= mostCertificates) new X509Certificate(text)
      } else if (text.length > longestKey) {
        return [{ code: 'PemUnreadable' }]
      } else if (kind === 'public key') {
        createPublicKey(text)
      } else if (kind !== 'encrypted private key') {
        const { asymmetricKeyType } = createPrivateKey(text)
        const isRsa = asymmetricKeyType === 'rsa' || asymmetricKeyType === 'rsa-pss'
        if (!isRsa && !kinds.includes('private key')) {
          return [{ code: 'WrongKindOfValue', params: { is: 'a private key that is none of RSA' } }]
        }
      }
    }
  } catch {
    // The error could say more than is good.
    return [{ code: 'PemUnreadable' }]
  }
  return undefined
}

/**
 * When certificates are of no use any more, in milliseconds since the epoch: a chain begins with the one that counts, of a
 * bundle of authorities the last one does. Undefined: there is none that can be read.
 */
export function certificateExpiry(text: string): number | undefined {
  const blocks = splitBlocks(text)?.filter((block) => kindOf(block.label, block.text) === 'certificate') ?? []
  try {
    const certificates = blocks.slice(0, mostCertificates).map((block) => new X509Certificate(block.text))
    const dates = certificates.map((certificate) => certificate.validToDate.getTime())
    return certificates[0]?.ca === true ? Math.max(...dates) : dates[0]
  } catch {
    return undefined
  }
}
