import type { GatewayModel } from '../model.ts'
import type { CaptureSpec, HeaderChanges, HeaderValue, Route } from '../route.ts'
import { parseTemplate, type TemplatePart } from '../template.ts'
import {
  type Check,
  eachMiddleware,
  type Finder,
  type Finding,
  isUnderstood,
  middlewareOf,
  sessionOf,
} from './finder.ts'
import { isHeaderValue, isSettableHeader, isToken } from './header-names.ts'
import { isCaptured } from './sign-in.ts'

/** Headers that routes change or capture exist, and their templates can be filled. */
export const checkHeaders: Check = (model, found) => {
  for (const { spec, pointer, route } of eachMiddleware(model, 'headers')) {
    const absent = absentIn(model, route)
    for (const way of ['request', 'response'] as const)
      checkChanges(spec[way], `${pointer}/${way}`, route, absent, found)
  }
  for (const { spec, pointer } of eachMiddleware(model, 'capture')) checkCapture(spec, pointer, found)
}

type Absent = (part: TemplatePart) => string | undefined

function checkChanges(changes: HeaderChanges, pointer: string, route: Route, absent: Absent, found: Finder): void {
  for (const change of ['set', 'add'] as const) {
    for (const [index, { name, value }] of changes[change].entries()) {
      const at = `${pointer}/${change}/${index}`
      checkHeaderName(name, at, found)
      checkValue(name, value, at, absent, found)
      const before = changes[change].findIndex((other) => other.name.toLowerCase() === name.toLowerCase())
      if (change === 'set' && before < index)
        found.error(at, { ...setTwice(name, route), related: [`${pointer}/set/${before}`] })
    }
  }
  for (const [index, name] of changes.remove.entries()) checkHeaderName(name, `${pointer}/remove/${index}`, found)
}

function checkHeaderName(name: string, pointer: string, found: Finder): void {
  if (isSettableHeader(name)) return
  const known = isToken(name)
  found.error(pointer, {
    code: known ? 'header-not-settable' : 'header-name-invalid',
    message: known ? `"${name}" is not a header that a route may touch.` : `"${name}" is not the name of a header.`,
    consequence: known ? 'The message would mean something else to whoever reads it.' : 'It could not be sent.',
    remedy: headerRemedy(name),
  })
}

function headerRemedy(name: string): string {
  if (name.toLowerCase() === 'host') return 'Use the field "host" of the route.'
  return isToken(name) ? 'Leave it to the gateway.' : "Write letters, digits or !#$%&'*+-.^_`|~, as X-User-Id."
}

/** What lies elsewhere is looked at where it is read. */
function checkValue(name: string, value: HeaderValue['value'], pointer: string, absent: Absent, found: Finder): void {
  if (typeof value !== 'string') return
  if (!isHeaderValue(value)) found.error(pointer, controlCharacter(name))
  const template = parseTemplate(value)
  if (!template.ok) {
    found.error(pointer, {
      code: 'template-invalid',
      message: `The value of "${name}" ${template.problem}.`,
      consequence: 'It is not known what to send.',
      remedy: template.remedy,
    })
    return
  }
  const reason = template.value.map(absent).find((why) => why !== undefined)
  if (reason !== undefined) found.warning(pointer, neverSent(name, reason))
}

function controlCharacter(name: string): Finding {
  return {
    code: 'header-value-invalid',
    message: `The value of "${name}" holds a control character.`,
    consequence: 'It could begin another header.',
    remedy: 'Write it on one line, without control characters.',
  }
}

function neverSent(name: string, reason: string): Finding {
  return {
    code: 'template-never-filled',
    message: `"${name}" can have no value here: ${reason}.`,
    consequence: 'It is never sent; one that the client sends is still removed.',
    remedy: 'Remove it, or give the route what it needs.',
  }
}

function setTwice(name: string, route: Route): Finding {
  return {
    code: 'header-set-twice',
    message: `Route "${route.name}" sets "${name}" twice; the case of letters does not count.`,
    consequence: 'One of the values would have been lost.',
    remedy: 'Keep one, or use add for the second.',
  }
}

/** Why a part of a template can never have a value on this route. */
function absentIn(model: GatewayModel, route: Route): Absent {
  if (!isUnderstood(route, 'session', 'login', 'capture')) return () => undefined
  const noSession = whyNoSession(model, route)
  const noIdentity = noSession ?? whyNoIdentity(model, route)
  return (part) => {
    if (part.kind === 'token') return 'tokens come from an OpenID provider, which this version does not have yet'
    if (part.kind === 'identity') return noIdentity
    return part.kind === 'session' || part.kind === 'session-id' || part.kind === 'session-expires-in'
      ? noSession
      : undefined
  }
}

function whyNoSession(model: GatewayModel, route: Route): string | undefined {
  const spec = middlewareOf(route, 'session')
  const session = sessionOf(model, route)
  if (spec === undefined) return 'the route has no session'
  if (session === undefined) return undefined
  if (session.mode === 'off') return `its session "${session.name}" is off`
  const opens = session.mode === 'enforce' || middlewareOf(route, 'login') || middlewareOf(route, 'capture')
  return opens ? undefined : `its session "${session.name}" is on-demand, and the route has neither login nor capture`
}

function whyNoIdentity(model: GatewayModel, route: Route): string | undefined {
  const session = sessionOf(model, route)
  return session === undefined || isCaptured(model, session.name)
    ? undefined
    : 'no route with its session captures $subject'
}

function checkCapture({ subject, attributes }: CaptureSpec, pointer: string, found: Finder): void {
  if (subject !== undefined) checkHeaderName(subject, `${pointer}/subject`, found)
  if (subject === undefined && attributes.length === 0) found.error(pointer, capturesNothing)
  for (const [index, { attribute, header }] of attributes.entries()) {
    const at = `${pointer}/attributes/${index}`
    checkHeaderName(header, at, found)
    if (/^\$|[{}\u0000-\u001f]/.test(attribute) || attribute === '') found.error(at, reserved(attribute))
  }
}

const capturesNothing: Finding = {
  code: 'capture-empty',
  message: '"capture" names no header.',
  consequence: 'Nothing would be captured.',
  remedy: 'Write capture: { $subject: X-Auth-User }, or remove it.',
}

function reserved(attribute: string): Finding {
  return {
    code: 'attribute-invalid',
    message: `"${attribute}" cannot be an attribute of a session.`,
    consequence: 'No template could name it; names that begin with "$" are the gateway’s own.',
    remedy: 'Write a name without "$" in front, braces and control characters. The identity is "$subject".',
  }
}
