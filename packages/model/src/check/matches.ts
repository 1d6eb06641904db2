import { isIp } from '../ip.ts'
import type { FieldMatch, PathMatch, RouteMatch } from '../route.ts'
import { suggest } from '../suggest.ts'
import type { Check, Finder, Finding } from './finder.ts'
import { isToken } from './header-names.ts'

/** What routes match is something that requests can bring. */
export const checkMatches: Check = (model, found) => {
  for (const [index, route] of model.routes.entries()) {
    if (route.matches.length === 0) found.error(`/routes/${index}`, matchesNothing(route.name))
    for (const [at, match] of route.matches.entries()) checkMatch(match, `/routes/${index}/matches/${at}`, found)
  }
}

function matchesNothing(name: string): Finding {
  return {
    code: 'match-missing',
    message: `Route "${name}" matches nothing.`,
    consequence: 'No request would reach it.',
    remedy: 'Give it a match, as match: { path: / }.',
  }
}

function checkMatch({ host, path, methods, headers, query }: RouteMatch, pointer: string, found: Finder): void {
  if (host !== undefined && !isHostPattern(host)) found.error(`${pointer}/host`, invalidHost(host))
  const problem = pathProblem(path)
  if (problem !== undefined) found.error(`${pointer}/path`, { ...invalidPath(path), ...problem })
  else if (path.kind !== 'template' && /\/\{[A-Za-z_]\w*\}(?:\/|$)/.test(path.value))
    found.warning(`${pointer}/path`, looksLikeTemplate(path))
  for (const method of methods) {
    const wrong = methodProblem(method)
    if (wrong !== undefined) found.error(`${pointer}/methods`, wrong)
  }
  for (const [index, { name, value }] of headers.entries()) {
    if (!isToken(name)) found.error(`${pointer}/headers/${index}`, invalidHeader(name))
    if (name.toLowerCase() === 'host') found.error(`${pointer}/headers/${index}`, hostAsHeader(value))
  }
  for (const [index, { name }] of query.entries()) {
    if (name === '' || /[\u0000-\u001f]/.test(name)) found.error(`${pointer}/query/${index}`, invalidParameter(name))
  }
}

const label = '(?!-)[a-z0-9_-]{1,63}(?<!-)'
const hostName = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`)

/** `shop.example.com`, `*.example.com`, or an IP address; lower case, no port. */
export function isHostPattern(host: string): boolean {
  return (host.length <= 253 && hostName.test(host)) || isIp(host.replace(/^\[(.*)\]$/, '$1'))
}

function invalidHost(host: string): Finding {
  return {
    code: 'host-invalid',
    message: `"${host}" is not a host that requests can name.`,
    consequence: 'No request would match it.',
    remedy:
      'Write a name without scheme, port and path, as shop.example.com; a "*" stands only for the first labels, as *.example.com. Names of other scripts are written in their xn-- form.',
  }
}

function pathProblem({ kind, value }: PathMatch): Partial<Finding> | undefined {
  if (!value.startsWith('/')) return { remedy: 'Begin it with "/".' }
  if (/[?#]/.test(value))
    return { remedy: 'Leave out what follows "?" or "#": conditions on the query have a field of their own.' }
  if (/[\u0000-\u001f\u007f\\]/.test(value)) return { remedy: 'Leave out control characters and "\\".' }
  if (/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(value)) {
    return {
      consequence: 'Requests with "." or ".." segments are refused, so none would match it.',
      remedy: 'Write the path without them.',
    }
  }
  if (value.includes('//')) return { remedy: 'Write one slash between segments.' }
  return kind === 'template' ? templateProblem(value) : undefined
}

function templateProblem(value: string): Partial<Finding> | undefined {
  const segments = value.split('/').slice(1)
  const names = segments.filter((segment) => /[{}]/.test(segment))
  if (names.some((name) => !/^\{[A-Za-z_]\w{0,63}\}$/.test(name))) {
    return { remedy: 'Let each {name} stand for a whole segment, as /users/{id}/posts; letters, digits and "_".' }
  }
  if (new Set(names).size < names.length) return { remedy: 'Give each {name} its own name.' }
  return names.length === 0 ? { remedy: 'Add a {name}, or use exact.' } : undefined
}

function invalidPath({ kind, value }: PathMatch): Finding {
  return {
    code: 'path-invalid',
    message: `"${value}" is not a path of the kind "${kind}" that requests can bring.`,
    consequence: 'No request would match it.',
    remedy: 'Write a path as it stands in a URL.',
  }
}

function looksLikeTemplate({ value }: PathMatch): Finding {
  return {
    code: 'path-looks-like-template',
    message: `"${value}" has braces, and is not a template.`,
    consequence: 'Only requests with these very braces match it.',
    remedy: `Write path: { template: "${value}" }.`,
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/** Methods are compared with their case (RFC 9110, section 9.1). */
export function methodProblem(method: string): Finding | undefined {
  const upper = method.toUpperCase()
  if (isToken(method) && method === upper && method !== 'CONNECT') return undefined
  const meant = suggest(upper, methods)
  return {
    code: 'method-invalid',
    message: `"${method}" is not a method that reaches routes.`,
    consequence: 'No request would match it.',
    remedy: `Write methods in capitals, as GET.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
  }
}

function invalidHeader(name: string): Finding {
  return {
    code: 'header-name-invalid',
    message: `"${name}" is not the name of a header.`,
    consequence: 'No request would match it.',
    remedy: "Write letters, digits or !#$%&'*+-.^_`|~, as X-Version.",
  }
}

function hostAsHeader(value: FieldMatch['value']): Finding {
  return {
    code: 'host-as-header',
    message: 'The match asks for the header "Host".',
    consequence: 'HTTP/2 requests have none, and would not match.',
    remedy: `Write host: ${typeof value === 'string' ? value : 'NAME'} in the match.`,
  }
}

function invalidParameter(name: string): Finding {
  return {
    code: 'query-name-invalid',
    message: `"${name}" is not the name of a query parameter.`,
    consequence: 'No request would match it.',
    remedy: 'Write the name as it is after decoding, without control characters.',
  }
}
