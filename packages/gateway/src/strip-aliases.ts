import { type HeaderList, removeHeaders } from './headers.ts'

/** Whether a header is one of some names, in any spelling. */
export type NameTest = (name: string) => boolean

/**
 * What servers may take for the same header: letters' case does not count, and CGI, WSGI and their kin make one
 * character of each that is neither letter nor digit.
 *
 * One for one: `X_User`, `x.user` and `X-USER` are `X-User`, while `x-user_` (`HTTP_X_USER_` to CGI), `x--user` and
 * `xuser` are headers of their own to every server.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** Whether a name, folded, starts with these characters, which are folded already. Makes no string. */
export function startsFolded(name: string, folded: string): boolean {
  if (name.length < folded.length) return false
  for (let i = 0; i < folded.length; i++) {
    if (foldCode(name.charCodeAt(i)) !== folded.charCodeAt(i)) return false
  }
  return true
}

/** A test for all aliases of these names. Folding keeps the length, so most headers are passed over by theirs. */
export function aliasesOf(names: Iterable<string>): NameTest {
  const byLength: string[][] = []
  for (const folded of new Set([...names].map(foldName))) {
    byLength[folded.length] ??= []
    byLength[folded.length]!.push(folded)
  }
  return function isAlias(name) {
    const candidates = byLength[name.length]
    if (candidates === undefined) return false
    for (const candidate of candidates) {
      if (startsFolded(name, candidate)) return true
    }
    return false
  }
}

/**
 * Removes every alias of some headers, in place: the one way in which headers that the gateway answers for are taken
 * from a client's request and from an upstream's answer.
 */
export function stripAliases(headers: HeaderList, isAlias: NameTest): void {
  removeHeaders(headers, isAlias)
}

const hyphen = 45

function foldCode(code: number): number {
  if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) return code
  return code >= 65 && code <= 90 ? code + 32 : hyphen
}
