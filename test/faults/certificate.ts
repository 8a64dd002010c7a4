/** Certificates of a server on 127.0.0.1, made when a test runs. Node.js can read them but not make them, so this writes DER. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. It is its own authority: a client that trusts it trusts this server alone. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
}

const dayMs = 86_400_000

/** A new key pair and a certificate for 127.0.0.1 that it signed itself, valid from yesterday to tomorrow. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const serial = randomBytes(8)
  // Clients that know two certificates of one name try the wrong one and call its signature bad.
  const name = sequence(set(sequence(oid(0x55, 0x04, 0x03), utf8(`faults ${serial.toString('hex')}`))))
  const signed = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    name,
    sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(
      3,
      sequence(
        // basicConstraints, critical: a certificate authority.
        sequence(oid(0x55, 0x1d, 0x13), boolean(true), octets(sequence(boolean(true)))),
        // subjectAltName: an IP address.
        sequence(oid(0x55, 0x1d, 0x11), octets(sequence(der(0x87, Buffer.from([127, 0, 0, 1]))))),
      ),
    ),
  )
  const certificate = sequence(signed, ecdsaWithSha256, der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey)))
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), contents])
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...bytes]), contents])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, ...parts)
}

function explicit(number: number, part: Buffer): Buffer {
  return der(0xa0 + number, part)
}

function octets(part: Buffer): Buffer {
  return der(0x04, part)
}

function oid(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]))
}

/** Positive: the first bit of what is written is 0, and no byte in front is needless. */
function integer(bytes: Buffer): Buffer {
  const positive = Buffer.from(bytes)
  positive[0] = ((positive[0] ?? 0) & 0x7f) | (bytes.length > 1 ? 0x40 : 0)
  return der(0x02, positive)
}

function time(ms: number): Buffer {
  // UTCTime: YYMMDDHHMMSSZ.
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(text.slice(2)))
}
