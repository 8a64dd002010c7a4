/** The ids of Twilio, which SendGrid takes too: it belongs to Twilio, and people mix up their consoles. */
import type { Lookalike, Shape } from './definition.ts'
import { either, run, token } from './shapes.ts'

const body = run('0-9a-fA-F', 'hexadecimal digits', '0', 32)

/** A SID of one kind: `sidShape('AC', 'documented', 'account SID')`. */
export function sidShape(prefix: string, confidence: Shape['confidence'], what: string): Shape {
  return token([prefix, body], { confidence, distinctive: `a Twilio ${what} (${prefix}...)` })
}

/** What can stand in a basic authentication. */
export const accountOrKeySidShape = token([either('AC', 'SK'), body], {
  confidence: 'documented',
  expected: 'a Twilio SID: 34 characters that begin with AC or SK',
})

export const accountSid: Lookalike = { pattern: /^AC[0-9a-fA-F]{20,}$/, is: 'an account SID (AC...)' }
export const apiKeySid: Lookalike = { pattern: /^SK[0-9a-fA-F]{20,}$/, is: 'an API key SID (SK...)' }
export const oauthClientId: Lookalike = { pattern: /^OQ[0-9a-fA-F]{20,}$/, is: 'an OAuth client id (OQ...)' }

/** The same where the name of the vendor has to be said. */
export const twilioSids: readonly Lookalike[] = [
  { ...accountSid, is: 'a Twilio account SID (AC...)' },
  { ...apiKeySid, is: 'a Twilio API key SID (SK...)' },
]
