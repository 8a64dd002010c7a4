/** Shapes that several services share. */
import type { Lookalike, Shape } from './definition.ts'
import { urlParts, webUrlProblems } from './url.ts'

export const hostShape: Shape = {
  pattern: /^[A-Za-z0-9._:[\]-]+$/,
  confidence: 'documented',
  expected: 'a host name or an IP address, without scheme, user or path',
}

export const portShape: Shape = {
  pattern: /^(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
  confidence: 'documented',
  expected: 'a number from 1 to 65535',
}

/** One or more certificates. The class has no dash, so every attempt ends at the next dash: linear. */
export const certificatesShape: Shape = {
  pattern: /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/,
  confidence: 'documented',
  expected: 'a PEM certificate, from its BEGIN CERTIFICATE line to its END CERTIFICATE line',
  pem: ['certificate'],
}

/** An RSA key as OpenSSL writes it, not encrypted. Linear for the same reason. */
export const privateKeyShape: Shape = {
  pattern: /-----BEGIN (?:RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA )?PRIVATE KEY-----/,
  confidence: 'documented',
  expected: 'an RSA private key in PEM, from its BEGIN line to its END line, without a passphrase',
  pem: ['RSA private key'],
}

/** A key of any algorithm. Linear for the same reason. */
export const anyPrivateKeyShape: Shape = {
  pattern: /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA |EC )?PRIVATE KEY-----/,
  confidence: 'documented',
  expected: 'a private key in PEM, from its BEGIN line to its END line, without a passphrase',
  pem: ['private key'],
}

/** The address of a web service: host, port and path, but no user, query or fragment. */
export function webUrlShape(...schemes: readonly ('http' | 'https')[]): Shape {
  return {
    pattern: new RegExp(
      `^(?:${schemes.join('|')})://(?:[^:@\\s/?#]+|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?(?:/[^\\s?#]*)?$`,
    ),
    confidence: 'documented',
    expected: `${schemes.map((scheme) => `${scheme}://`).join(' or ')}host[:port][/path], without user and password`,
    problems: (text) => webUrlProblems(text, schemes, true),
    parts: urlParts,
  }
}

export const urlLookalike: Lookalike = {
  pattern: /^[a-z][a-z0-9+.-]*:\/\//i,
  is: 'a whole URL, which belongs under url',
}

export const booleanShape: Shape = {
  pattern: /^(?:true|false|True|False|0|1)$/,
  confidence: 'documented',
  expected: 'true or false',
}
