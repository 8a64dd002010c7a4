/** Random choices that a seed repeats, and text of the form that a regular expression describes. */
import type { AST } from '@eslint-community/regexpp'
import { RegExpParser } from '@eslint-community/regexpp'

/** Choices from a seed, in its order. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 2^32 (mulberry32). */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** A whole number, both ends included. */
  integer(min: number, max: number): number {
    return min + (this.#next() % (max - min + 1))
  }

  chance(percent: number): boolean {
    return this.#next() % 100 < percent
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.#next() % items.length]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }

  text(alphabet: string, length: number): string {
    let text = ''
    for (let index = 0; index < length; index++) text += alphabet.charAt(this.#next() % alphabet.length)
    return text
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 0xff)
  }
}

export const lower = 'abcdefghijklmnopqrstuvwxyz'
export const upper = lower.toUpperCase()
export const digits = '0123456789'
export const alphanumeric = `${lower}${upper}${digits}`

const printable = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index))
/** What people put where a pattern only says what may not be there. */
const usual = `${alphanumeric}-._`.split('')

type Sampler = (random: Random) => string

const parser = new RegExpParser({ ecmaVersion: 2025 })
const samplers = new WeakMap<RegExp, Sampler>()

/**
 * Text that a pattern describes, of plausible characters and lengths. What lookarounds ask for is not looked at: try again
 * where the pattern does not fit.
 */
export function matching(pattern: RegExp, random: Random): string {
  let sampler = samplers.get(pattern)
  if (sampler === undefined) {
    sampler = ofAlternatives(parser.parseLiteral(pattern.toString()).pattern.alternatives)
    samplers.set(pattern, sampler)
  }
  return sampler(random)
}

function ofAlternatives(alternatives: readonly AST.Alternative[]): Sampler {
  const each = alternatives.map(({ elements }) => {
    const parts = elements.map(ofElement)
    return (random: Random) => parts.map((part) => part(random)).join('')
  })
  return (random) => random.pick(each)(random)
}

function ofElement(element: AST.Element): Sampler {
  switch (element.type) {
    case 'Character': {
      const character = String.fromCodePoint(element.value)
      return () => character
    }
    case 'CharacterClass':
    case 'CharacterSet':
      return ofClass(element)
    case 'Group':
    case 'CapturingGroup':
      return ofAlternatives(element.alternatives)
    case 'Quantifier': {
      const one = ofElement(element.element)
      const { min, max } = element
      const single = element.element.type !== 'Group' && element.element.type !== 'CapturingGroup'
      return (random) => {
        // One character more or less is a different length, one group more or less a different form.
        const least = single && max > 24 ? Math.max(min, 12) : single && max > 1 ? Math.max(min, 1) : min
        const most = Math.min(max, least + (single ? 16 : 2))
        const count = random.chance(30) ? least : random.integer(least, most)
        return Array.from({ length: count }, () => one(random)).join('')
      }
    }
    case 'Assertion':
      return () => ''
    default:
      throw new Error(`no text can be made for ${element.raw}`)
  }
}

function ofClass(element: AST.CharacterClass | AST.CharacterSet): Sampler {
  const pattern = new RegExp(`^${element.raw}$`, element.raw.includes('\\p') ? 'u' : '')
  const open = pattern.test('\u00e9')
  const members = (open ? usual : printable).filter((character) => pattern.test(character))
  if (members.length === 0) return () => (pattern.test(' ') ? ' ' : '')
  // White space is where it has to be, and nowhere else.
  // A class of a host takes IPv6 addresses as well, whose signs stand in special places.
  const host = members.includes('[') && !members.includes('"')
  const visible = members.filter((character) => character !== ' ' && !(host && '[]:,'.includes(character)))
  return (random) => random.pick(visible.length > 0 ? visible : members)
}
