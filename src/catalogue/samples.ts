/**
 * Values that stand in the vendors' own documentation. People paste them, and no service takes them. They are kept as
 * SHA-256 in hexadecimal, so that nothing in this repository looks like a key.
 */
import { createHash } from 'node:crypto'

const samples: ReadonlySet<string> = new Set([
  // AWS: the access keys, secrets and session token of its guides and API references.
  '1a5d44a2dca19669d72edf4c4f1c27c4c1ca4b4408fbb17f6ce4ad452d78ddb3',
  'cb20d34a7adda2f5d2043836051e242fd4c2b233e02c80c91fe9d5af9b100574',
  'c6ea27c534f993d31f0aef882e3d200e7b87470c379ae79c8f9b19d3bd363dc9',
  '7a898e50dbd5b8305149c34046d159f7d02b5d1fe021d4de640842d3835fb549',
  '78314b11be2e581549ac1c4f616563fad3fdf0c3b71678f6e2299182080e0598',
  '647f7143af14706273d54740603644de5cb9abb42a76b7a0d32a48c9261860c5',
  'e8a0614b6747a06ff9a2728dd2250bf13068310cd2550ebc3cecd4d287a4e259',
  'e21b597ba6b9cafa59d9ebc4d65c0385f5eb3fa56abab2607fa76589ad849a33',
  '377c62d1a6b29fe6d44f8e6a7f1f37c047e134a3a93ba09895b5c4b1fd5b46c7',
  // ClickSend: the API key of the OpenAPI document.
  'a4c2fdaafa08af5614d4321a2a0c32ff77bcfb6271d8d18013cbb782cd430184',
  // Elasticsearch: the API key of the reference, encoded, whole and in its halves.
  'a0cc17dae7500395717186079713fb950ae9ee3019bb0eb7ec95c93e55ae02be',
  '3448a98f6859cdbdd081b7e8b2e62cdd6ee07202993d70b345fe169f6a751231',
  'e197de4f38750f3be2e00c2feacdd8c7329d16a73b7b08a2f30dc47fa11aa9bf',
  'bae4305b5588c03f411e369da9b6b184962e5c0dd4361aece801349ca0d3966f',
  // Matomo: the token of the tracking API guide.
  '6e6a2b5c054aabd13ee2c03d616f2a215a537d454e6cf067de3378fdfb6e930e',
  // Salesforce: consumer key and secret of the OAuth guides.
  '084dbc8fcff66d3d00f0555484080fb86770e5bf32c93a154008eb9c9abb995a',
  '0f6cdcf49de7c118d237f6e897c1d2d46864627c1ba447cfdbce9838a16ee10c',
  // SendGrid: the API key of the authentication guide.
  '02091175c1ae3023fb1e92ff16e1a5ca44dcd9f449916770f7d4eb192092e273',
  // Telegram: the bot tokens of the Bot API guides.
  '731fa294d036e54f19df879bfcd4fe72d967dc6327800c5f74a48414a3f258c9',
  '0b5dd075ccdd03c42f4edda8e299e6838e2a75d3486a2a8d86940ed1541e9178',
  '0e8936b8fa08357ecec3f81c15456e74c9089037cdad9c0f85b374e59dda69b5',
  '97663138e66699214db9caac00d9d29a9496b38ecf076e4c09284166a238a315',
])

/** More than the longest sample has. Longer values need no digest. */
const longestSample = 512

/** Whether the value is a sample from the documentation of its vendor. */
export function isVendorSample(text: string): boolean {
  return text.length <= longestSample && samples.has(createHash('sha256').update(text).digest('hex'))
}
