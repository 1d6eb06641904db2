/**
 * The upstream broke HTTP/1.1. Thrown by the parsers of this folder, and nothing else is; its message is one clause.
 */
export class MalformedResponse extends Error {
  override readonly name = 'MalformedResponse'
}
