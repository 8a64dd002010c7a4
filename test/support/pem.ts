/** Keys and certificates in PEM, made when a test runs, so that the repository holds none. */
import { generateKeyPairSync, sign } from 'node:crypto'

const elliptic = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

/** An RSA key, small because only its form counts. PKCS#1 is the older form, with RSA in its BEGIN line. */
export function rsaKey(form: 'pkcs1' | 'pkcs8' = 'pkcs8'): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  return privateKey.export({ type: form, format: 'pem' }).toString()
}

/** A key on an elliptic curve. SEC1 is the form with EC in its BEGIN line. */
export function ellipticKey(form: 'sec1' | 'pkcs8' = 'pkcs8'): string {
  return elliptic.privateKey.export({ type: form, format: 'pem' }).toString()
}

/** A key behind a passphrase. */
export function encryptedKey(): string {
  return elliptic.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x'.repeat(8) })
    .toString()
}

export function publicKey(): string {
  return elliptic.publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const size =
    body.length < 0x80
      ? Buffer.of(body.length)
      : body.length < 0x100
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, body])
}

/** GeneralizedTime: YYYYMMDDHHMMSSZ. */
function time(at: Date): Buffer {
  return der(0x18, Buffer.from(`${at.toISOString().replace(/\D/g, '').slice(0, 14)}Z`))
}

/** A self-signed certificate; with `ca` one of an authority. */
export function certificate(notAfter = new Date('2049-01-01'), ca = false): string {
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const commonName = der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from('example')))
  const name = der(0x30, der(0x31, commonName))
  const isCa = der(0x30, der(0x06, Buffer.from('551d13', 'hex')), der(0x04, der(0x30, der(0x01, Buffer.of(0xff)))))
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1)),
    ecdsaWithSha256,
    name,
    der(0x30, time(new Date('2020-01-01')), time(notAfter)),
    name,
    elliptic.publicKey.export({ type: 'spki', format: 'der' }),
    ...(ca ? [der(0xa3, der(0x30, isCa))] : []),
  )
  const signature = sign('sha256', toBeSigned, elliptic.privateKey)
  const whole = der(0x30, toBeSigned, ecdsaWithSha256, der(0x03, Buffer.of(0), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
