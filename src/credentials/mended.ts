/** What a value would be without a known mistake. All functions take linear time; what they give is compared, never shown. */

/** Signs of other alphabets that look like ASCII, as documents, chats and optical recognition put in. */
const lookalikes: ReadonlyMap<string, string> = new Map(
  [
    // Cyrillic, Greek.
    'аa',
    'вB',
    'еe',
    'кk',
    'мm',
    'нH',
    'оo',
    'рp',
    'сc',
    'тT',
    'уy',
    'хx',
    'ѕs',
    'іi',
    'јj',
    'ԁd',
    'һh',
    'ӏl',
    'АA',
    'ВB',
    'ЕE',
    'КK',
    'МM',
    'НH',
    'ОO',
    'РP',
    'СC',
    'ТT',
    'УY',
    'ХX',
    'ЅS',
    'ІI',
    'ЈJ',
    'ԌG',
    'Ӏl',
    'αa',
    'νv',
    'οo',
    'ρp',
    'ιi',
    'κk',
    'ΑA',
    'ΒB',
    'ΕE',
    'ΖZ',
    'ΗH',
    'ΙI',
    'ΚK',
    'ΜM',
    'ΝN',
    'ΟO',
    'ΡP',
    'ΤT',
    'ΥY',
    'ΧX',
    // Dashes, quotes, dots and the like.
    '\u2010-',
    '\u2011-',
    '\u2012-',
    '\u2013-',
    '\u2014-',
    '\u2212-',
    "\u2018'",
    "\u2019'",
    '\u201c"',
    '\u201d"',
    '\u2024.',
    '\u2044/',
    '\u2215/',
    '\u02d0:',
    '\ua789:',
    '\u02cd_',
  ].map((pair) => [pair.slice(0, 1), pair.slice(1)]),
)

/** The value with ASCII in place of what looks like it. Undefined: it is all ASCII. */
export function withoutLookalikes(text: string): string | undefined {
  if (/^[\0-\x7f]*$/.test(text)) return undefined
  // Compatibility forms hold the full-width ones.
  return text.normalize('NFKC').replace(/[^\0-\x7f]/gu, (sign) => lookalikes.get(sign) ?? sign)
}

const asciiOnly = new WeakMap<RegExp, boolean>()

/** Whether a pattern takes nothing but ASCII, as far as its source tells: no negated class, no dot. */
export function takesAsciiOnly(pattern: RegExp): boolean {
  let answer = asciiOnly.get(pattern)
  if (answer === undefined) {
    const outside = pattern.source.replace(/\[(\^?)(?:\\.|[^\]\\])*\]/g, '$1').replace(/^\^/, '')
    answer = !/[^]\^|\\[SDWp]|(?<!\\)\./.test(outside)
    asciiOnly.set(pattern, answer)
  }
  return answer
}

/** The value with digits in place of the letters that look like them, and the other way round. */
export function withoutMixUps(text: string): readonly string[] {
  const toDigits = text.replace(/[OoIl]/g, (letter) => (letter === 'O' || letter === 'o' ? '0' : '1'))
  const toLetters = text.replace(/[018]/g, (digit) => (digit === '0' ? 'O' : digit === '1' ? 'I' : 'B'))
  return [toDigits, toLetters].filter((other) => other !== text)
}

/** The value that was percent-encoded. Undefined: it holds no escape, or a wrong one. */
export function percentDecoded(text: string): string | undefined {
  if (!/%[0-9A-Fa-f]{2}/.test(text)) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    // The error is of no use.
    return undefined
  }
}

/** The value without the backslashes that shells want before some signs, and keep within quotes. */
export function withoutShellEscapes(text: string): string | undefined {
  const plain = text.replace(/\\([ -/:-@[-`{-~])/g, '$1')
  return plain === text ? undefined : plain
}
