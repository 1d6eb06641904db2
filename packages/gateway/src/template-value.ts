import { type HeaderValue, parseTemplate, type TemplatePart } from '@coatcheck/model'
import type { Exchange, JsonClaim } from './exchange.ts'
import { encodeHeaderText } from './header-text.ts'
import { readHeaderSecret, type SecretReader } from './secret-text.ts'

/** What a template is for one exchange, as header bytes; `undefined`: no header. */
export type TemplateValue = (exchange: Exchange) => string | undefined

/**
 * Compiles a header value. An absent part, or a control character in any, and there is no value; an empty text is none.
 *
 * @throws Error when it is no template
 */
export function compileTemplate(text: string): TemplateValue {
  const template = readTemplate(text)
  const parts = template.map(compilePart)
  if (template.every((part) => part.kind === 'text')) {
    const constant = encodeHeaderText(template.map((part) => (part.kind === 'text' ? part.text : '')).join(''))
    return () => (constant === '' ? undefined : constant)
  }
  if (parts.length === 1) return (exchange) => encode(parts[0]!(exchange))
  return function templateValue(exchange) {
    let value = ''
    for (const part of parts) {
      const piece = part(exchange)
      if (piece === undefined) return undefined
      value += piece
    }
    return encodeHeaderText(value)
  }
}

/** Compiles what a route writes into a header: a template, or what lies elsewhere, as it is there. @throws Error */
export function compileHeaderValue(value: HeaderValue['value'], secret: SecretReader): TemplateValue {
  if (typeof value === 'string') return compileTemplate(value)
  const constant = readHeaderSecret(value, secret)
  return () => constant
}

/** Whether a header value tells something of who the visitor is, which no client may claim. */
export function speaksOfVisitor(value: HeaderValue['value']): boolean {
  return typeof value === 'string' && readTemplate(value).some((part) => visitorKinds.has(part.kind))
}

const visitorKinds = new Set<TemplatePart['kind']>(['session', 'session-id', 'session-expires-in', 'identity', 'token'])

function readTemplate(text: string) {
  const parsed = parseTemplate(text)
  if (!parsed.ok) throw new Error(`the header value "${text}" is no template`)
  return parsed.value
}

function encode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : encodeHeaderText(value)
}

function compilePart(part: TemplatePart): (exchange: Exchange) => string | undefined {
  switch (part.kind) {
    case 'text':
      return () => part.text
    case 'session': {
      const key = `attribute:${part.attribute}` as const
      return ({ session }) => (session?.state === 'open' ? session.get(key) : undefined)
    }
    case 'session-id':
      return ({ session }) => session?.id
    case 'session-expires-in':
      return ({ session }) => (session?.expiresIn === undefined ? undefined : String(session.expiresIn))
    case 'identity':
      return (exchange) => claimText(findClaim(exchange, part.claim))
    case 'token':
      // Sessions hold no tokens yet: absent, as for everybody who has none.
      return () => undefined
    case 'request':
      return compileRequestField(part.field)
    case 'client-address':
      return ({ client }) => client.address
    case 'route-name':
      return ({ route }) => route
  }
}

function compileRequestField(field: 'method' | 'host' | 'path' | 'id'): (exchange: Exchange) => string | undefined {
  switch (field) {
    case 'method':
      return ({ request }) => request.method
    case 'host':
      return ({ request }) => request.authority
    case 'path':
      return ({ request }) => request.target.split('?', 1)[0]
    case 'id':
      return ({ id }) => id
  }
}

function findClaim({ session }: Exchange, names: readonly string[]): JsonClaim | undefined {
  let claim: JsonClaim | undefined = session?.state === 'open' ? session.get('identity')?.claims : undefined
  for (const name of names) {
    if (typeof claim !== 'object' || claim === null || Array.isArray(claim) || !Object.hasOwn(claim, name))
      return undefined
    claim = claim[name]
  }
  return claim
}

/**
 * A claim as text: lists joined with commas, objects as JSON. A list with a comma inside an element, or with anything
 * but text, numbers and truth values, has no text that reads back the same, so it has none.
 */
function claimText(claim: JsonClaim | undefined): string | undefined {
  if (claim === undefined || claim === null) return undefined
  if (!Array.isArray(claim)) return typeof claim === 'object' ? JSON.stringify(claim) : String(claim)
  const clear = claim.every((element) => typeof element !== 'object' && !String(element).includes(','))
  return clear ? claim.join(',') : undefined
}
