import { describe, expect, test } from 'vitest'
import { createLogger, logLevels, silentLogger } from './log.ts'
import type { LogLevel } from './log.ts'

function capture(level: LogLevel) {
  const lines: string[] = []
  return { log: createLogger(level, { write: (line) => lines.push(line) }), lines }
}

function parsed(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('createLogger', () => {
  test('one JSON line an entry, with level and time in words, and nothing of the host', () => {
    const { log, lines } = capture('info')
    log.info({ resource: 'mail', count: 2 }, 'working\nnow')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.indexOf('\n')).toBe(lines[0]!.length - 1)
    const [{ time, ...rest }] = parsed(lines) as [Record<string, unknown>]
    expect(rest).toEqual({ level: 'info', resource: 'mail', count: 2, msg: 'working\nnow' })
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(Math.abs(Date.parse(time as string) - Date.now())).toBeLessThan(60_000)
  })

  test.each(logLevels.map((level, index) => [level, logLevels.slice(index)] as const))(
    '%s lets pass %j',
    (level, passed) => {
      const { log, lines } = capture(level)
      for (const each of logLevels) log[each]({}, each)
      expect(parsed(lines).map((line) => line['level'])).toEqual(passed)
    },
  )

  test('a child carries its fields', () => {
    const { log, lines } = capture('debug')
    log.child({ controller: 'credentials' }).child({ reconcileID: '1' }).warn({ a: 1 }, 'x')
    expect(parsed(lines)).toMatchObject([
      { level: 'warn', controller: 'credentials', reconcileID: '1', a: 1, msg: 'x' },
    ])
  })

  test('of an error only its class is told: its message and its properties can hold values', () => {
    const value = 'value-that-must-not-appear'
    const { log, lines } = capture('debug')
    const error = Object.assign(new TypeError(`bad input ${value}`, { cause: new Error(value) }), {
      response: { body: value },
    })
    log.error({ err: error }, 'failed')
    log.child({ err: error }).error({}, 'failed')
    log.error({ err: value }, 'failed')
    expect(parsed(lines).map((line) => line['err'])).toEqual(['TypeError', 'TypeError', 'string'])
    expect(lines.join()).not.toContain(value)
  })
})

test('the silent logger can do everything and says nothing', () => {
  for (const level of logLevels) silentLogger[level]({}, 'x')
  expect(silentLogger.child({})).toBe(silentLogger)
})
