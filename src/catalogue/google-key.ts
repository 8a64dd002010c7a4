/** The JSON key of a Google service account, as the console gives it out. */
import type { Shape } from './definition.ts'
import { emailShape, form, privateKeyShape } from './shapes.ts'

const example = 'app@example.iam.gserviceaccount.com'

export const serviceAccountEmailShape: Shape = {
  ...emailShape('observed'),
  pattern: /^[^@\s]+@[^@\s]+\.gserviceaccount\.com$/,
  example,
}

/** The document as the console gives it out, with a private key that kept its line breaks. */
function isKeyDocument(text: string): boolean {
  try {
    const document = JSON.parse(text) as Readonly<Record<string, unknown>>
    const has = (key: string, pattern: RegExp): boolean => {
      const value = document[key]
      return typeof value === 'string' && pattern.test(value)
    }
    // Not in the pattern, where it would cost more than linear time.
    return (
      has('type', /^service_account$/) &&
      has('private_key', privateKeyShape.pattern) &&
      has('client_email', serviceAccountEmailShape.pattern)
    )
  } catch {
    // The error would quote the text.
    return false
  }
}

export const serviceAccountKeyShape: Shape = form(
  'documented',
  /^\s*\{[^]*\}\s*$/,
  'the whole JSON key of a service account, whose private_key is PEM with its line breaks as \\n',
  JSON.stringify({
    type: 'service_account',
    project_id: 'example',
    private_key_id: '0'.repeat(40),
    private_key: privateKeyShape.example,
    client_email: example,
    client_id: '0'.repeat(21),
  }),
  { accepts: isKeyDocument },
)
