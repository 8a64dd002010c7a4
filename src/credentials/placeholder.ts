/** Recognises what people and tools leave in a Secret in place of a credential. */

export type PlaceholderCode = 'Placeholder' | 'PossiblePlaceholder' | 'UnrenderedTemplate'

/** Longer texts are no placeholder, except for templates inside of them. */
const longestPlaceholder = 256

/** Templates that no tool has filled in, wherever they stand. */
const templateInside = /\$\{[A-Za-z_][\w.]*(?:[:?+-][^{}]*)?\}|\{\{[^{}]*\}\}|\$\([A-Za-z_][\w.]*\)/
const templateWhole =
  /^(?:\$[A-Z_][A-Z0-9_]+|%[A-Z_][A-Z0-9_]+%|__[A-Z0-9_]+__|#\{[^{}]+\}#?|\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^]*\}\})$/
/** References that a secret injector should have resolved. */
const reference = /^(?:ref\+[a-z0-9]+:\/\/|vault:|op:\/\/|aws-secretsmanager:|ENC\[)/

/** Words in brackets. A random password may begin and end with these by chance, with other signs in between. */
const bracketed = /^<[\w\s.,:/|<>'\u2019-]+>$/
const masked = /^(?:[*\u2022\u25cf]{3,}|x{3,}|\.{3,}|\u2026)$/i
/** Compared without case, separators and brackets. */
const replaceMe =
  /^(?:please)?(?:changeme|changethis|replaceme|replacethis|insertme|fillme|fillmein|fixme|redacted|placeholder)\d{0,4}$/
const insertHere =
  /^(?:insert|enter|put|add|paste|replacewith|changeto|my)?your[a-z0-9]*(?:key|token|secret|pass|password|passwd|passphrase|credential|credentials|id|sid|host|hostname|server|address|url|uri|user|username|account|name|value|here)$/
const unset = new Set(['null', 'undefined', 'nil', 'novalue'])
const unsetSecret = new Set(['todo', 'tbd', 'none', 'na'])
const weakWords = new Set(
  'example dummy test testing secret secretkey password passwd pass admin default sample foobar foo bar token apikey key string value changeit 12345 123456 1234567 12345678 123456789 qwerty letmein'.split(
    ' ',
  ),
)

/** True for `aaaa`, also across the separators of a composed token. */
export function isOneCharacter(text: string): boolean {
  const first = text[0]
  if (first === undefined) return false
  for (const character of text) if (character !== first) return false
  return true
}

/**
 * @param secret whether the text is a password or the like: single words are names elsewhere
 * @param strict whether the text fails its pattern anyway, so that a weak word is certainly no credential
 */
export function placeholderCode(text: string, secret: boolean, strict: boolean): PlaceholderCode | undefined {
  if (templateInside.test(text)) return 'UnrenderedTemplate'
  if (text.length > longestPlaceholder) return secret && isOneCharacter(text) ? 'Placeholder' : undefined
  if (templateWhole.test(text) || reference.test(text)) return 'UnrenderedTemplate'
  if (bracketed.test(text) || masked.test(text)) return 'Placeholder'
  const separated = /^your[-_ ]|[-_ ]your[-_ ]/i.test(text)
  const word = text.toLowerCase().replace(/[-_ .[\](){}!]/g, '')
  if (replaceMe.test(word) || unset.has(word)) return 'Placeholder'
  if (insertHere.test(word) && (separated || secret || strict)) return 'Placeholder'
  if (!secret) return undefined
  if (unsetSecret.has(word) || (text.length >= 3 && isOneCharacter(text))) return 'Placeholder'
  if (strict && separated) return 'Placeholder'
  if (weakWords.has(text.toLowerCase())) return strict ? 'Placeholder' : 'PossiblePlaceholder'
  return undefined
}
