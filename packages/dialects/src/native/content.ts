/** Where something lies in plain data: names of fields, numbers of items. */
export type Path = readonly (string | number)[]

/** How a field is called in messages: `sessions.default.cookie.name`, `routes[2].upstream`. */
export function label(path: Path): string {
  const text = path.map((name) => (typeof name === 'number' ? `[${name}]` : `.${name}`)).join('')
  return path.length === 0
    ? 'the file'
    : text
        .replace(/^\./, '')
        .replace(/[\u0000-\u001f\u007f]/g, '?')
        .slice(0, 200)
}

/** A field as a message begins with it: `"sessions.default"`. */
export function subject(path: Path): string {
  return path.length === 0 ? 'The file' : `"${label(path)}"`
}

/** A value as a message shows it: short, on one line, and never a secret. */
export function shown(content: unknown, path: Path): string {
  const found = at(content, path)
  if (isSecret(path)) return isReference(found) ? reference(found) : 'a secret'
  // Where a password of a URL begins and ends is not known of one that is refused.
  if (path[0] === 'stores' && typeof found === 'string' && /:\/\/|@/.test(found))
    return path.at(-1) === 'url' ? 'a URL' : 'text'
  // It may be another file altogether, as the key of a certificate.
  if (path.length === 0 && typeof found === 'string') return 'text'
  if (Array.isArray(found)) return found.length === 0 ? 'an empty list' : 'a list'
  if (found !== null && typeof found === 'object') return isReference(found) ? reference(found) : 'an object'
  const text = withoutPassword(JSON.stringify(found) ?? String(found))
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** Whether a key or password may stand there. */
export function isSecret(path: Path): boolean {
  return path[0] === 'keys' || (path[0] === 'stores' && path.length > 3 && path.at(-1) === 'password')
}

/** Of a URL, name and password are not shown. */
export function withoutPassword(text: string): string {
  return text.replace(/:\/\/[^/?#\s]*@/g, '://…@')
}

function reference(found: object): string {
  const [name, target] = Object.entries(found)[0]!
  const plain = typeof target === 'string' ? target.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, 80) : '…'
  return `{ ${name}: ${plain} }`
}

/** `{ env: … }` or `{ file: … }`, right or wrong. */
export function isReference(found: unknown): found is object {
  if (found === null || typeof found !== 'object' || Array.isArray(found)) return false
  const names = Object.keys(found)
  return names.length > 0 && names.every((name) => name === 'env' || name === 'file')
}

/** What lies at a path; `undefined` when nothing does. */
export function at(content: unknown, path: Path): unknown {
  let found = content
  for (const name of path) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string | number, unknown>)[name]
  }
  return found
}
