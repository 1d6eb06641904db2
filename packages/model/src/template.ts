import { type Parsed, parsed, unparsed } from './parsed.ts'
import { didYouMean } from './suggest.ts'

/** One piece of a header value: text as it stands, or a value that each request fills in. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  /** An attribute of the session, by its whole name. */
  | { readonly kind: 'session'; readonly attribute: string }
  /** The session's public id. */
  | { readonly kind: 'session-id' }
  /** Whole seconds until the session ends if it is not used again. */
  | { readonly kind: 'session-expires-in' }
  /** A claim of the identity; each further name goes one object deeper. */
  | { readonly kind: 'identity'; readonly claim: readonly string[] }
  | { readonly kind: 'token'; readonly token: 'access_token' | 'id_token' }
  | { readonly kind: 'request'; readonly field: 'method' | 'host' | 'path' | 'id' }
  | { readonly kind: 'client-address' }
  | { readonly kind: 'route-name' }

/** Parts in order; no two texts are neighbours, and none is empty. A template without parts is the empty text. */
export type Template = readonly TemplatePart[]

/**
 * What may stand between braces, as help and suggestions show it: without tokens, which come with sign-in through a
 * provider.
 */
export const templateNames = [
  '{session.NAME}',
  '{session.$id}',
  '{session.$expiresIn}',
  '{identity.CLAIM}',
  '{request.method}',
  '{request.host}',
  '{request.path}',
  '{request.id}',
  '{client.address}',
  '{route.name}',
] as const

const fixed: Readonly<Record<string, TemplatePart>> = {
  'session.$id': { kind: 'session-id' },
  'session.$expiresIn': { kind: 'session-expires-in' },
  'tokens.access_token': { kind: 'token', token: 'access_token' },
  'tokens.id_token': { kind: 'token', token: 'id_token' },
  'request.method': { kind: 'request', field: 'method' },
  'request.host': { kind: 'request', field: 'host' },
  'request.path': { kind: 'request', field: 'path' },
  'request.id': { kind: 'request', field: 'id' },
  'client.address': { kind: 'client-address' },
  'route.name': { kind: 'route-name' },
}

const remedyOfBrace = 'Double a brace that is meant literally: {{ or }}.'

/**
 * Reads a header value: names in braces stand for values, a doubled brace is a literal one, everything else is text.
 *
 * Known names are `templateNames`. An absent value gives no header; that is the evaluator's part.
 */
export function parseTemplate(text: string): Parsed<Template> {
  const parts: TemplatePart[] = []
  let literal = ''
  for (let at = 0; at < text.length; ) {
    const char = text[at]!
    if (char !== '{' && char !== '}') {
      literal += char
      at += 1
    } else if (text[at + 1] === char) {
      literal += char
      at += 2
    } else {
      const end = char === '{' ? text.indexOf('}', at) : -1
      if (end === -1) return unparsed(`has a single "${char}" at character ${at + 1}`, remedyOfBrace)
      const part = parseName(text.slice(at + 1, end))
      if (!part.ok) return part
      if (literal !== '') parts.push({ kind: 'text', text: literal })
      literal = ''
      parts.push(part.value)
      at = end + 1
    }
  }
  if (literal !== '') parts.push({ kind: 'text', text: literal })
  return parsed(parts)
}

function parseName(name: string): Parsed<TemplatePart> {
  if (Object.hasOwn(fixed, name)) return parsed(fixed[name]!)
  const dot = name.indexOf('.')
  const scope = dot === -1 ? name : name.slice(0, dot)
  const rest = dot === -1 ? '' : name.slice(dot + 1)
  if (/[{\u0000-\u001f\u007f]/.test(name)) return unknownName(name)
  if (scope === 'session' && rest !== '' && !rest.startsWith('$')) return parsed({ kind: 'session', attribute: rest })
  if (scope === 'identity' && rest !== '') return parseClaim(name, rest)
  return unknownName(name)
}

function parseClaim(name: string, path: string): Parsed<TemplatePart> {
  const claim = path.split('.')
  return claim.includes('') ? unknownName(name) : parsed({ kind: 'identity', claim })
}

function unknownName(name: string): Parsed<TemplatePart> {
  const guess =
    didYouMean(name, Object.keys(fixed)) ||
    didYouMean(
      name,
      templateNames.map((known) => known.slice(1, -1)),
    )
  const shown = name.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, 80)
  return unparsed(
    `names "{${shown}}", which nothing stands for`,
    `${guess.trim() || `Known are ${templateNames.join(', ')}.`} ${remedyOfBrace}`,
  )
}
