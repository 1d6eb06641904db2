import type { CookieSpec, GatewayModel, SessionSpec } from '../model.ts'
import type { Route } from '../route.ts'
import { type Check, type Finder, type Finding, sessionOf } from './finder.ts'
import { isToken } from './header-names.ts'

/** Cookies are ones that browsers keep and bring back; what was weakened is told. */
export const checkCookies: Check = (model, found) => {
  for (const [index, session] of model.sessions.entries()) {
    if (session.lookup.kind !== 'cookie') continue
    const pointer = `/sessions/${index}/cookie`
    checkForm(session, pointer, found)
    checkPromise(session, pointer, found)
    checkWeakness(session, pointer, found)
    checkReach(model, session, pointer, found)
  }
}

function checkForm({ name: session, cookie }: SessionSpec, pointer: string, found: Finder): void {
  const { name, domain, path } = cookie
  const invalid = (part: string, value: string, remedy: string) =>
    found.error(`${pointer}/${part}`, {
      code: `cookie-${part}-invalid`,
      message: `Session "${session}" has a cookie with the ${part} "${value}".`,
      consequence: 'Browsers would not keep it.',
      remedy,
    })
  if (!isToken(name) || name.length > 128) invalid('name', name, "Write 1 to 128 letters, digits or !#$%&'*+-.^_`|~.")
  else if (/\.\d+$/.test(name))
    invalid('name', name, 'Do not end it in a dot and digits: parts of split cookies are called so.')
  if (!/^\/[\x20-\x3a\x3c-\x7e]{0,1023}$/.test(path))
    invalid('path', path, 'Begin with "/"; at most 1024 ASCII characters without ";".')
  if (domain !== undefined && !isDomain(domain)) invalid('domain', domain, 'Write a host name, as example.com.')
}

function isDomain(domain: string): boolean {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
  return (
    domain.length <= 253 && new RegExp(`^\\.?${label}(?:\\.${label})*$`, 'i').test(domain) && !/\.[0-9]+$/.test(domain)
  )
}

/** Prefixes promise something to the browser, which drops the cookie when it is not so (RFC 6265bis, section 4.1.3). */
function checkPromise({ cookie }: SessionSpec, pointer: string, found: Finder): void {
  const { name, secure, httpOnly, path, domain } = cookie
  const prefix = /^__(?:Host-Http|Host|Http|Secure)-/i.exec(name)?.[0].toLowerCase() ?? ''
  const broken = [
    ...(prefix !== '' && !secure ? ['secure: true'] : []),
    ...(prefix.startsWith('__host-') && domain !== undefined ? ['no domain'] : []),
    ...(prefix.startsWith('__host-') && path !== '/' ? ['path: /'] : []),
    ...(prefix.endsWith('http-') && !httpOnly ? ['httpOnly: true'] : []),
  ]
  if (broken.length > 0) found.error(`${pointer}/name`, promiseBroken(name, broken))
  if (cookie.sameSite === 'None' && !secure) found.error(`${pointer}/sameSite`, noneWithoutSecure(name))
}

function promiseBroken(name: string, wanting: readonly string[]): Finding {
  return {
    code: 'cookie-prefix-broken',
    message: `Cookie "${name}" needs ${wanting.join(' and ')} because of how its name begins.`,
    consequence: 'Browsers would drop it, and every request would begin a new session.',
    remedy: 'Give it a name without that prefix, or what the prefix needs.',
  }
}

function noneWithoutSecure(name: string): Finding {
  return {
    code: 'cookie-none-without-secure',
    message: `Cookie "${name}" is SameSite=None without Secure.`,
    consequence: 'Browsers would drop it.',
    remedy: 'Leave secure on, or use sameSite: Lax.',
  }
}

function checkWeakness({ cookie }: SessionSpec, pointer: string, found: Finder): void {
  if (!cookie.secure) {
    found.warning(`${pointer}/secure`, {
      code: 'cookie-not-secure',
      message: `Cookie "${cookie.name}" is sent over plain HTTP too.`,
      consequence: 'Whoever listens on the way can take over sessions.',
      remedy: 'Leave secure on; browsers keep such cookies on http://localhost as well.',
    })
  }
  if (!cookie.httpOnly) {
    found.warning(`${pointer}/httpOnly`, {
      code: 'cookie-not-http-only',
      message: `Cookie "${cookie.name}" can be read by scripts.`,
      consequence: 'A script that gets into a page can take sessions away.',
      remedy: 'Leave httpOnly on.',
    })
  }
}

/** A cookie that does not come back where it is needed means a new session for every request. */
function checkReach(model: GatewayModel, session: SessionSpec, pointer: string, found: Finder): void {
  const { cookie } = session
  if (!cookie.path.startsWith('/')) return
  for (const [index, route] of model.routes.entries()) {
    if (sessionOf(model, route) !== session) continue
    const related = [`/routes/${index}`]
    const host = outsideDomain(route, cookie)
    if (host !== undefined) found.warning(`${pointer}/domain`, { ...wrongHost(route, cookie, host), related })
    const path = outsidePath(route, cookie)
    if (path !== undefined) found.warning(`${pointer}/path`, { ...wrongPath(route, cookie, path), related })
  }
}

function outsideDomain({ matches }: Route, { domain }: CookieSpec): string | undefined {
  if (domain === undefined) return undefined
  const bare = domain.replace(/^\./, '').toLowerCase()
  return matches
    .map(({ host }) => host)
    .find((host) => host !== undefined && host !== bare && !host.endsWith(`.${bare}`))
}

function outsidePath({ matches }: Route, cookie: CookieSpec): string | undefined {
  const under = cookie.path.replace(/\/$/, '')
  return matches
    .map(({ path }) => path.value)
    .find((path) => path.startsWith('/') && path !== under && !path.startsWith(`${under}/`))
}

function wrongHost({ name }: Route, cookie: CookieSpec, host: string): Finding {
  return {
    code: 'cookie-domain-elsewhere',
    message: `Route "${name}" is on "${host}", and its cookie is for the domain "${cookie.domain}".`,
    consequence: 'Browsers refuse the cookie there, and every request begins a new session.',
    remedy: 'Leave domain out, or give the route a session of its own.',
  }
}

function wrongPath({ name }: Route, cookie: CookieSpec, path: string): Finding {
  return {
    code: 'cookie-path-elsewhere',
    message: `Route "${name}" takes "${path}", and its cookie is only sent under "${cookie.path}".`,
    consequence: 'Requests outside that path bring no session, and begin a new one.',
    remedy: 'Use path: /, or give the route a session of its own.',
  }
}
