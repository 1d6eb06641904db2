/**
 * Headers as they stand on the wire: name, value, name, value …, in order, in their own case, doubled ones doubled.
 * A flat array is what Node's parser gives and what is written again, so nothing is copied that is not changed.
 */
export type HeaderList = string[]

/** The first value of a header; `name` in lower case. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i]!, name)) return headers[i + 1]
  }
  return undefined
}

/** All values of a header, in order; `name` in lower case. */
export function headerValues(headers: HeaderList, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i]!, name)) values.push(headers[i + 1]!)
  }
  return values
}

/** Whether this is the name of a header, whatever its case; `name` in lower case. Makes no string. */
export function isNamed(candidate: string, name: string): boolean {
  if (candidate.length !== name.length) return false
  for (let i = 0; i < name.length; i++) {
    const code = candidate.charCodeAt(i)
    const wanted = name.charCodeAt(i)
    if (code !== wanted && (code < 65 || code > 90 || code + 32 !== wanted)) return false
  }
  return true
}

/** Removes headers in place, without making a new list. */
export function removeHeaders(headers: HeaderList, unwanted: (name: string, value: string) => boolean): void {
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (unwanted(name, value)) continue
    headers[kept] = name
    headers[kept + 1] = value
    kept += 2
  }
  headers.length = kept
}
