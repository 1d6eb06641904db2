import { type HeaderList, isNamed } from '../headers.ts'
import type { ReadField, ReadMatch } from '../read-matches.ts'

/** Of a request, what stands beside host and path. An exchange's request has it all. */
export interface RequestFields {
  readonly method: string
  readonly headers: HeaderList
  /** Raw, without `?`. */
  readonly query: string
}

/** Whether method, headers and query hold; the first that does not, for `explain`. */
export type Condition = (request: RequestFields) => boolean

/** The conditions of a match beside host and path; `undefined` when there are none. */
export function compileConditions(match: ReadMatch): Condition | undefined {
  const conditions: Condition[] = []
  if (match.methods.length > 0) {
    const methods = new Set(match.methods)
    conditions.push((request) => methods.has(request.method))
  }
  for (const field of match.headers) conditions.push(headerCondition(field))
  if (match.query.length > 0) conditions.push((request) => queryHolds(match.query, request.query))
  if (conditions.length <= 1) return conditions[0]
  return (request) => conditions.every((holds) => holds(request))
}

function headerCondition({ name, value }: ReadField): Condition {
  const lower = name.toLowerCase()
  return ({ headers }) => {
    for (let i = 0; i < headers.length; i += 2) {
      if (isNamed(headers[i]!, lower) && (value === undefined || headers[i + 1] === value)) return true
    }
    return false
  }
}

/** Of a parameter that stands there twice, the first one counts. */
export function queryHolds(fields: readonly ReadField[], query: string): boolean {
  const parameters = new URLSearchParams(query)
  return fields.every(({ name, value }) => {
    const found = parameters.get(name)
    return found !== null && (value === undefined || found === value)
  })
}
