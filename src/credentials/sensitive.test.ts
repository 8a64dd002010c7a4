import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { Sensitive } from './sensitive.ts'

const bytes = (): Uint8Array => new TextEncoder().encode('canary')

it('cannot be printed', () => {
  const value = Sensitive.of(bytes())
  const printed = [
    String(value),
    value.toString(),
    `the value ${value as unknown as string}`,
    JSON.stringify({ value }),
    inspect({ value }, { depth: 9, showHidden: true }),
    inspect(new Map([['value', value]])),
    JSON.stringify(Object.entries(value)),
    JSON.stringify(Object.assign({}, value)),
    JSON.stringify(structuredClone(Object.assign({}, value))),
  ]
  for (const text of printed) {
    expect(text).not.toContain('canary')
    expect(text).not.toContain('99')
  }
  expect(String(value)).toBe('[redacted]')
})

it('gives the bytes themselves, without a copy', () => {
  const original = bytes()
  expect(Sensitive.of(original).reveal()).toBe(original)
  expect(Sensitive.of(original).byteLength).toBe(6)
})

it('compares by contents', () => {
  const value = Sensitive.of(bytes())
  expect(value.equals(Sensitive.of(bytes()))).toBe(true)
  expect(value.equals(bytes())).toBe(true)
  expect(value.equals(bytes().slice(1))).toBe(false)
})

it('overwrites its bytes, and never passes the zeros off as a value', () => {
  const original = bytes()
  const value = Sensitive.of(original)
  value.wipe()
  value.wipe()
  expect([...original]).toEqual([0, 0, 0, 0, 0, 0])
  expect(() => value.reveal()).toThrow('wiped')
  expect(() => Sensitive.of(bytes()).equals(value)).toThrow('wiped')
})
