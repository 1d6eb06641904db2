import { isOwnLogField } from '../log-fields.ts'
import type { Check } from './finder.ts'

/** The field for the session's id has a name that nests, and is not one that a line has already. */
export const checkAccessLog: Check = ({ accessLog }, found) => {
  const { sessionField } = accessLog
  const nests = sessionField.length <= 256 && /^[A-Za-z@_][\w@-]*(?:\.[A-Za-z@_][\w@-]*){0,9}$/.test(sessionField)
  if (!nests) {
    found.error('/accessLog/sessionField', {
      code: 'log-field-invalid',
      message: `"${sessionField}" is not the name of a field in the access log.`,
      consequence: 'Lines could not carry the session’s id.',
      remedy: 'Write names with dots between them, as session.id.',
    })
  } else if (isOwnLogField(sessionField)) {
    found.error('/accessLog/sessionField', {
      code: 'log-field-taken',
      message: `"${sessionField}" holds something else in every line of the access log.`,
      consequence: 'The session’s id would stand in its place, or beside it under the same name.',
      remedy: 'Take a name of its own, as session.id or labels.session.',
    })
  }
}
