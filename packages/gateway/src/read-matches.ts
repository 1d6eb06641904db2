import type { FieldMatch, Route, RouteMatch } from '@coatcheck/model'
import { readSecretText, type SecretReader } from './secret-text.ts'

/** A condition on a header or parameter whose value is at hand. */
export interface ReadField {
  readonly name: string
  /** `undefined`: present with any value. */
  readonly value: string | undefined
  /** It lay elsewhere, and is shown nowhere. */
  readonly isSecret?: boolean
}

/** A match whose values are at hand. */
export interface ReadMatch extends RouteMatch {
  readonly headers: readonly ReadField[]
  readonly query: readonly ReadField[]
}

/** A route whose matches are. */
export interface ReadRoute extends Route {
  readonly matches: readonly ReadMatch[]
}

/** Reads what a route's matches compare with. @throws Error when a value cannot be read */
export function readRoute(route: Route, secret: SecretReader): ReadRoute {
  return { ...route, matches: route.matches.map((match) => readMatch(match, secret)) }
}

/** Headers are compared as bytes, parameters as the text that they stand for. */
function readMatch(match: RouteMatch, secret: SecretReader): ReadMatch {
  return {
    ...match,
    headers: match.headers.map((field) => readField(field, 'latin1', secret)),
    query: match.query.map((field) => readField(field, 'utf8', secret)),
  }
}

function readField({ name, value }: FieldMatch, encoding: 'latin1' | 'utf8', secret: SecretReader): ReadField {
  if (typeof value !== 'object') return { name, value }
  return { name, value: readSecretText(value, secret, encoding), isSecret: true }
}
