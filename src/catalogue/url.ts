/**
 * Takes connection URLs apart by hand. The URL class hides mistakes (it drops line breaks and tabs) or throws errors that
 * hold the whole URL with its password, so it comes too early here. All functions take linear time.
 */
import type { Part, Problem } from './definition.ts'

/** What the URLs of a service may have that those of others have not. */
export interface UrlForm {
  /** Several hosts with commas between them. */
  readonly hosts?: boolean
  /** What follows the host is the number of a database. */
  readonly number?: boolean
}

interface SplitUrl {
  readonly scheme: string
  /** Undefined: there is no `@`. */
  readonly userinfo: string | undefined
  /** At least one; each has its port without the colon, if there is one. */
  readonly hosts: readonly HostAndPort[]
  /** From the slash on. */
  readonly path: string
}

interface HostAndPort {
  readonly host: string
  readonly port: string | undefined
}

const schemePattern = /^([A-Za-z][A-Za-z0-9+.-]{0,31}):\/\//
const hostAndPort = /^(?:[^:@\s/?#]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/
const numberAndQuery = /^(?:\/\d{0,5})?(?:\?[^\s#]*)?$/
const pathAndQuery = /^(?:\/[^@\s?#]*)?(?:\?[^\s#]*)?$/

function firstDelimiter(text: string): number {
  const at = text.search(/[/?#]/)
  return at < 0 ? text.length : at
}

/**
 * Where the user and password end. Passwords with a raw `/`, `?` or `#` push their `@` behind what looks like the end of
 * the authority, so the last `@` counts, unless the text is well-formed without it.
 */
function endOfUserinfo(rest: string, form: UrlForm): number {
  const last = rest.lastIndexOf('@')
  if (last < 0) return -1
  const end = firstDelimiter(rest)
  const authority = rest.slice(0, end)
  const inAuthority = authority.lastIndexOf('@')
  if (inAuthority === last) return last
  const hosts = hostList(authority.slice(inAuthority + 1), form)
  const tail = form.number === true ? numberAndQuery : pathAndQuery
  const wellFormed = hosts.every((host) => hostAndPort.test(host)) && tail.test(rest.slice(end))
  return wellFormed ? inAuthority : last
}

function hostList(authority: string, form: UrlForm): readonly string[] {
  return form.hosts === true ? authority.split(',') : [authority]
}

function splitHost(authority: string): HostAndPort {
  const bracket = authority.startsWith('[') ? authority.indexOf(']') : -1
  const colon = authority.indexOf(':', bracket + 1)
  return {
    host: colon < 0 ? authority : authority.slice(0, colon),
    port: colon < 0 ? undefined : authority.slice(colon + 1),
  }
}

function splitUrl(text: string, form: UrlForm): SplitUrl | undefined {
  const scheme = schemePattern.exec(text)
  if (scheme === null) return undefined
  const rest = text.slice(scheme[0].length)
  const at = endOfUserinfo(rest, form)
  const afterUser = rest.slice(at + 1)
  const end = firstDelimiter(afterUser)
  const tail = afterUser.slice(end)
  return {
    scheme: scheme[1] ?? '',
    userinfo: at < 0 ? undefined : rest.slice(0, at),
    hosts: hostList(afterUser.slice(0, end), form).map(splitHost),
    path: tail.startsWith('/') ? tail.slice(0, tail.search(/[?#]|$/)) : '',
  }
}

function userAndPassword(userinfo: string): [string, string] {
  const colon = userinfo.indexOf(':')
  return colon < 0 ? [userinfo, ''] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)]
}

/** Undefined when a percent sign begins no escape, or the escapes are no UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // The error would hold nothing of use, and the text.
    return undefined
  }
}

/** Characters that must be percent-encoded, each with its escape, in the order in which they are reported. */
const reserved: readonly (readonly [string, string])[] = [
  ['@', '%40'],
  [':', '%3A'],
  ['/', '%2F'],
  ['?', '%3F'],
  ['#', '%23'],
]

function userinfoProblems(userinfo: string): readonly Problem[] {
  const [user, password] = userAndPassword(userinfo)
  const found = reserved.filter(([character]) => user.includes(character) || password.includes(character))
  const escapes = found.map(([character, escape]) => `"${character}" as ${escape}`)
  if (decode(user) === undefined || decode(password) === undefined) escapes.push('"%" as %25')
  if (/\s/.test(userinfo)) escapes.push('a space as %20')
  return escapes.length > 0 ? [{ code: 'UrlUnescapedCharacter', params: { escapes } }] : []
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535
}

/**
 * What is wrong with a `scheme://[[user][:password]@]host[:port][/path]` URL. The problems name kinds of characters and
 * never pieces of the text.
 * @param schemes the schemes that the service's clients know, in lower case
 */
export function urlProblems(text: string, schemes: readonly string[], form: UrlForm): readonly Problem[] {
  const params = { schemes: schemes.map((scheme) => `${scheme}://`) }
  const url = splitUrl(text, form)
  if (url === undefined) return [{ code: 'UrlMissingScheme', params }]
  const problems: Problem[] = []
  if (!schemes.includes(url.scheme)) problems.push({ code: 'UrlWrongScheme', params })
  if (url.userinfo !== undefined) problems.push(...userinfoProblems(url.userinfo))
  if (url.hosts.some(({ host }) => host === '')) problems.push({ code: 'UrlMissingHost' })
  if (url.hosts.some(({ port }) => port !== undefined && !isPort(port))) problems.push({ code: 'UrlInvalidPort' })
  if (form.number === true && !/^(?:\/\d{0,5})?$/.test(url.path)) problems.push({ code: 'UrlInvalidDatabase' })
  return problems
}

/**
 * What is wrong with the address of a web service: `scheme://host[:port][/path]`, without user, query and fragment.
 * @param schemes in lower case
 * @param path whether a path may follow the host
 */
export function webUrlProblems(text: string, schemes: readonly string[], path: boolean): readonly Problem[] {
  const params = { schemes: schemes.map((scheme) => `${scheme}://`) }
  const scheme = schemePattern.exec(text)
  if (scheme === null) return [{ code: 'UrlMissingScheme', params }]
  const rest = text.slice(scheme[0].length)
  const end = firstDelimiter(rest)
  const authority = rest.slice(0, end)
  const tail = rest.slice(end)
  const problems: Problem[] = []
  if (!schemes.includes(scheme[1] ?? '')) problems.push({ code: 'UrlWrongScheme', params })
  const { host, port } = splitHost(authority.slice(authority.lastIndexOf('@') + 1))
  // A password with a raw slash pushes its @ into what looks like the path.
  const strayUser = port !== undefined && !isPort(port) && tail.includes('@')
  if (authority.includes('@') || strayUser) return [...problems, { code: 'UrlContainsCredentials' }]
  if (host === '') problems.push({ code: 'UrlMissingHost' })
  if (port !== undefined && !isPort(port)) problems.push({ code: 'UrlInvalidPort' })
  const part = unexpectedPart(tail, path)
  if (part !== undefined) problems.push({ code: 'UrlUnexpectedPart', params: { part } })
  return problems
}

function unexpectedPart(tail: string, path: boolean): string | undefined {
  if (!path && /^\/[^?#]/.test(tail)) return 'a path'
  if (tail.includes('?')) return 'a query (from the question mark on)'
  return tail.includes('#') ? 'a fragment (from the # on)' : undefined
}

/** `host:port` without a scheme: only the port can be wrong in a way of its own. */
export function hostPortProblems(text: string): readonly Problem[] {
  const port = text.slice(text.lastIndexOf(':') + 1)
  return isPort(port) ? [] : [{ code: 'UrlInvalidPort' }]
}

/** User, password and hosts as the client will see them. */
export function urlParts(text: string): readonly Part[] {
  const url = splitUrl(text, { number: true })
  if (url === undefined) return []
  const [user, password] = userAndPassword(url.userinfo ?? '')
  return [
    { text: decode(user) ?? user, secret: false },
    { text: decode(password) ?? password, secret: true },
    ...url.hosts.map(({ host }) => ({ text: host, secret: false })),
  ].filter((part) => part.text !== '')
}

/** A part of a right URL as a client sees it, by name. Undefined: it is not there, or there is no such part. */
export function urlPart(text: string, name: string): string | undefined {
  const url = splitUrl(text, {})
  if (url === undefined) return undefined
  const [user, password] = userAndPassword(url.userinfo ?? '')
  const [{ host, port } = { host: '', port: undefined }] = url.hosts
  const parts: Readonly<Record<string, string | undefined>> = {
    scheme: url.scheme,
    user: decode(user),
    password: decode(password),
    host,
    port,
    path: url.path.slice(1),
  }
  return parts[name] === '' ? undefined : parts[name]
}
