import { describe, expect, it } from 'vitest'
import { explainFinding } from './finding-pages.ts'
import { findingCodes, waivableCodes } from './findings.ts'

describe('explainFinding', () => {
  it.each(findingCodes)('%s: whole sentences, a whole example and something to copy', (code) => {
    const page = explainFinding(code)!
    expect(page.code).toBe(code)
    expect(page.waivable).toBe(waivableCodes.includes(code))
    for (const text of [page.meaning, page.causes, page.mend]) expect(text).toMatch(/^[A-Z`].*[.]$/)
    // A param that the sample lacks leaves a gap in the text.
    expect(page.message).toMatch(/^[A-Za-z].*[.?]$/)
    expect(page.message).not.toMatch(/undefined|\(\)| {2}| [,:]|: \.|""/)
    expect(page.commands.length).toBeGreaterThan(0)
    for (const command of page.commands) expect(command).not.toMatch(/\n|undefined/)
  })

  it('knows no other code', () => {
    expect(explainFinding('trailingNewline')).toBeUndefined()
    expect(explainFinding('toString')).toBeUndefined()
  })
})
