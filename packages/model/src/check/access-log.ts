import type { Check } from './finder.ts'

/** The field for the session's id has a name that nests. */
export const checkAccessLog: Check = ({ accessLog }, found) => {
  const { sessionField } = accessLog
  if (sessionField.length <= 256 && /^[A-Za-z@_][\w@-]*(?:\.[A-Za-z@_][\w@-]*){0,9}$/.test(sessionField)) return
  found.error('/accessLog/sessionField', {
    code: 'log-field-invalid',
    message: `"${sessionField}" is not the name of a field in the access log.`,
    consequence: 'Lines could not carry the session’s id.',
    remedy: 'Write names with dots between them, as session.id.',
  })
}
