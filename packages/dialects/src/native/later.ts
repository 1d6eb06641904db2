/** Fields of the file format that this version does not have yet: path, `*` for any name, and what they are about. */
const later: readonly (readonly [path: string, subject: string])[] = [
  ['providers', 'Sign-in with OpenID providers'],
  ['sessions/*/perSubject', 'Limits of sessions per person'],
  ['sessions/*/bind', 'Binding sessions to addresses'],
  ['routes/*/login/provider', 'Sign-in with an OpenID provider'],
  ['routes/*/login/allow', 'Requirements on who signed in'],
]

const token = /(?<!\{)(?:\{\{)*(\{tokens\.(?:access|id)_token\})/

/** What a template names that is part of the format but not of this version. */
export function laterTemplate(text: string): string | undefined {
  return token.exec(text)?.[1]
}

/** What a field is about that is part of the format but not of this version; `undefined` for any other. */
export function laterField(path: readonly (string | number)[]): string | undefined {
  return later.find(([pattern]) => {
    const names = pattern.split('/')
    return names.length === path.length && names.every((name, index) => name === '*' || name === path[index])
  })?.[1]
}
