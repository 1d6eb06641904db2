import { createHash } from 'node:crypto'
import type { ErrorCode } from './errors.ts'
import { reasonPhrase } from './reason-phrase.ts'

/** What the client reads of an error. */
export interface Problem {
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly requestId: string
}

/** What a client may read where an error says nothing more of its own. */
const sentences: Readonly<Record<ErrorCode, string>> = {
  'bad-request': 'The request was not understood.',
  'bad-target': 'The request target was refused.',
  'ambiguous-target': 'Servers read the path of this request in different ways.',
  'bad-host': 'The host of the request was refused.',
  'bad-framing': 'The length of the request body is not clear.',
  'method-not-supported': 'This method is not supported here.',
  'headers-too-large': 'The headers of the request are too large.',
  'too-many-headers': 'The request has too many headers.',
  'target-too-long': 'The address of the request is too long.',
  'request-timeout': 'The request took too long to arrive.',
  'client-timeout': 'The answer took too long to be read.',
  'client-certificate-invalid': 'The certificate that came with the request is not valid here.',
  'no-route': 'There is nothing at this address.',
  'route-broken': 'The configuration of this address has errors.',
  'login-required': 'Sign in to see this.',
  'origin-refused': 'This page may not open a connection here.',
  redirect: 'This is to be found elsewhere.',
  'cors-preflight': 'This was a question of a browser.',
  'store-unavailable': 'Sessions cannot be read at the moment. You are not signed out; try again shortly.',
  'session-conflict': 'Your session was changed by another request at the same time. Try again.',
  'session-too-large': 'There is more to remember in your session than fits into one.',
  'session-key-unknown': 'Your session cannot be opened at the moment. You are not signed out; try again shortly.',
  'upstream-connect': 'The application could not be reached.',
  'upstream-connect-timeout': 'The application could not be reached in time.',
  'upstream-timeout': 'The application did not answer in time.',
  'upstream-reset': 'The application broke off its answer.',
  'upstream-protocol': 'The application gave an answer that makes no sense.',
  'upstream-unavailable': 'The application is not available at the moment.',
  'client-gone': 'The client left before the answer.',
  'shutting-down': 'The gateway has stopped. Try again shortly.',
  internal: 'Something went wrong in the gateway.',
}

export const sentenceOf = (code: ErrorCode): string => sentences[code]

const style =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}small{color:#666}'
const styleHash = createHash('sha256').update(style).digest('base64')

/** Nothing runs, nothing is loaded, nobody frames it. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** RFC 9457; `code` and `request_id` are ours, and `type` has no page of its own (`docs/reference/errors.md`). */
export function problemJson({ status, code, detail, requestId }: Problem): string {
  return JSON.stringify({
    type: 'about:blank',
    title: reasonPhrase(status),
    status,
    detail,
    code,
    request_id: requestId,
  })
}

export function problemPage({ status, code, detail, requestId }: Problem): string {
  const title = escapeHtml(reasonPhrase(status))
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${style}</style></head>
<body>
<h1>${title}</h1>
<p>${escapeHtml(detail)}</p>
<p><small>${status} ${escapeHtml(code)} · request ${escapeHtml(requestId)}</small></p>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!)
}
