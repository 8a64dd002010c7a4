/** The time that a check takes grows as the value does, whatever the value is made of. */
import { expect, it } from 'vitest'
import { inspectSecret } from '../../test/support/properties.ts'
import { services } from '../catalogue/services.ts'

const kibibyte = 1024

/** What patterns stumble over: single signs of all kinds, and the beginnings of what they look for, again and again. */
const pieces = [
  'a',
  '=',
  '"',
  "'",
  '\xff',
  '\n',
  ' ',
  '{',
  '[',
  '}',
  '@',
  ':',
  '/',
  '.',
  '-',
  '\\n',
  '\u200b',
  '%41',
  '${',
  '{{',
  '{ ',
  '} ',
  'A=',
  'A_',
  'a@a.',
  'AKIA',
  '3MVG9',
  'a,',
  ', password=',
  'Bearer ',
  'https://',
  '{"a":',
  '"type":',
  '"type" ',
  '{"type":"service_account"',
  '-----BEGIN ',
  '-----BEGIN PRIVATE KEY-----\n',
  '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
]

const fields = [...services.values()].flatMap((service) => service.fields.map((field) => ({ service, field })))

function valueOf(piece: string, size: number): Uint8Array {
  if (piece === '\xff') return Buffer.alloc(size, 0xff)
  return Buffer.from(piece.repeat(Math.floor(size / Buffer.byteLength(piece))))
}

/** Milliseconds of CPU that checking all these fields takes. The time on the clock is that of other programs as well. */
function cost(checked: typeof fields, piece: string, size: number): number {
  const value = valueOf(piece, size)
  const start = process.cpuUsage()
  for (const { service, field } of checked) inspectSecret(service.id, new Map([[field.name, value]]))
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** The best of several, because the first one compiles and any of them may meet the garbage collector. */
function best(run: () => number, enough: number): number {
  let least = Infinity
  for (let attempt = 0; attempt < 3 && least > enough; attempt++) least = Math.min(least, run())
  return least
}

it.each([
  // Longer values of one line are refused by their length alone.
  { kind: 'one line', checked: fields.filter(({ field }) => field.multiline !== true), size: 16 * kibibyte },
  { kind: 'files', checked: fields.filter(({ field }) => field.multiline === true), size: 512 * kibibyte },
])(
  'four times as much takes not much more than four times as long: $kind',
  { timeout: 240_000 },
  ({ checked, size }) => {
    expect(checked.length).toBeGreaterThan(5)
    const steep = pieces.flatMap((piece) => {
      const small = best(() => cost(checked, piece, size / 4), 0)
      // Quadratic would be sixteen times as long.
      const bound = 10 * small + 50
      const large = best(() => cost(checked, piece, size), bound)
      return large > bound ? [`${JSON.stringify(piece)}: ${small.toFixed(0)} ms, then ${large.toFixed(0)} ms`] : []
    })
    expect(steep).toEqual([])
  },
)

it('a megabyte in a field of one line is refused at once', () => {
  const oneLine = fields.filter(({ field }) => field.multiline !== true)
  const cheapest = best(() => cost(oneLine, 'a', kibibyte * kibibyte), 50 * oneLine.length)
  expect(cheapest / oneLine.length).toBeLessThan(50)
})
