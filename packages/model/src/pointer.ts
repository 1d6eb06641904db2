/** One step of a JSON pointer (RFC 6901), escaped and with its slash: to be put behind another. */
export function step(name: string | number): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The JSON pointer (RFC 6901) of these names. */
export function pointerOf(path: readonly (string | number)[]): string {
  return path.map(step).join('')
}

/** The names of a JSON pointer; the inverse of `pointerOf`, numbers as text. */
export function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The pointer of what holds this one; `undefined` above the whole. */
export function parentOf(pointer: string): string | undefined {
  return pointer === '' ? undefined : pointer.slice(0, pointer.lastIndexOf('/'))
}
