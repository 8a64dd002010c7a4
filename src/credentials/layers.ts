/** What is below several mistakes that were made one upon the other. What these functions give is compared, never shown. */
import { percentDecoded, withoutLookalikes, withoutMixUps, withoutShellEscapes } from './mended.ts'
import { decodeBase64, readText } from './text.ts'

/** `NAME=value`, `export NAME=value`, `name: value`: the name, its sign, and where the value begins. */
export const assignment = /^(?:export\s+|set\s+)?([A-Za-z_][A-Za-z0-9_.-]{0,63})(?:\s?(=)\s*|:\s+)(?=[^\s=])/

/** `Bearer value`, `Authorization: Bearer value`. */
export const schemeWord = /^(?:authorization\s*:\s*)?(?:bearer|basic|apikey|token|bot)\s+(?=\S)/i

/** Credentials are not longer, and the bound keeps the search cheap. */
const longestSearched = 4096
const mostLayers = 5
const mostTexts = 60

/**
 * Whether a text is what somebody meant, or comes to be that when up to five mistakes are taken back.
 * @param isMeant asked about each text on the way
 */
export function leadsTo(text: string | undefined, isMeant: (text: string) => boolean): boolean {
  if (text === undefined || text.length > longestSearched) return false
  const seen = new Set<string>()
  let layer = [text]
  for (let depth = 0; depth <= mostLayers; depth++) {
    const below: string[] = []
    for (const one of layer) {
      if (seen.has(one)) continue
      if (seen.size === mostTexts) return false
      seen.add(one)
      if (isMeant(one)) return true
      below.push(...peeled(one))
    }
    layer = below
  }
  return false
}

/** Without what the bytes alone tell of: white space and quotes around it, invisible characters in it. */
function cleaned(text: string): string | undefined {
  return readText(new TextEncoder().encode(text.replaceAll('\0', '')), { multiline: false, lenient: false }).text
}

function peeled(text: string): readonly string[] {
  const texts: (string | undefined)[] = [
    cleaned(text),
    decodeBase64(text),
    ...[assignment, schemeWord].map((pattern) => (pattern.test(text) ? text.replace(pattern, '') : undefined)),
    percentDecoded(text),
    withoutShellEscapes(text),
    withoutLookalikes(text),
    ...textsInJson(text),
    ...(/[\r\n]/.test(text) ? [text.replace(/[\r\n]+/g, ''), ...text.split(/[\r\n]+/, 4)] : []),
    ...withoutMixUps(text),
  ]
  return texts.filter((one): one is string => one !== undefined && one !== text)
}

function textsInJson(text: string): readonly string[] {
  if (!/^\s*[[{]/.test(text)) return []
  const texts: string[] = []
  try {
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === 'string' && texts.length < 4) texts.push(value)
      return value
    })
  } catch {
    // The error would quote the text.
  }
  return texts
}
