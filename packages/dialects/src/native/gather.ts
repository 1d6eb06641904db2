import { type Diagnostic, type LeftOut, type Place, type PlaceOf, step } from '@coatcheck/model'
import { at, type Path } from './content.ts'
import type { CheckedDocument } from './document.ts'
import { places } from './places.ts'
import type { ReadFile } from './read.ts'
import { isName } from './schema/values.ts'
import type { NativeDocument } from './schema.ts'

/** Sections in which each name stands for one thing. */
const namedSections = ['listeners', 'keys', 'stores', 'sessions', 'upstreams'] as const
export type NamedSection = (typeof namedSections)[number]

/** Fields that a whole configuration has once. */
const single = ['name', 'workers', 'internal', 'accessLog', 'shutdown'] as const

/** Several files as one document. */
export interface Gathered {
  readonly document: NativeDocument
  /** Places by pointers into `document`. */
  readonly placeOf: PlaceOf
  readonly diagnostics: readonly Diagnostic[]
  /** Whether something is written under this name, or in this field of it, right or wrong. */
  isWritten(section: NamedSection, name: string, field?: string): boolean
  /** Whether something in `document` is called so, and nothing in it stands for what is wrong. */
  isUsable(section: NamedSection, name: string): boolean
  /** Names that are written, of what is not usable, but for those that are no names; and fields that are wrong. */
  readonly leftOut: LeftOut & Readonly<Record<NamedSection, readonly string[]>>
  /** Fields of this item of `routes` in which something was wrong; `*`: all of them may be. */
  lostIn(route: number): readonly string[]
  /** Whether this item of `routes` has the field, right or wrong. */
  hasField(route: number, field: string): boolean
}

/** Joins files in their order. What is written twice is an error that shows both places; the first one is kept. */
export function gather(files: readonly (ReadFile & CheckedDocument)[]): Gathered {
  const diagnostics = files.flatMap((file) => file.diagnostics)
  const map = places()
  const sections = Object.fromEntries(namedSections.map((section) => [section, {}])) as Record<
    NamedSection,
    Record<string, unknown>
  >
  const document: Record<string, unknown> = { ...sections }
  const first = new Map<string, PlaceOf>()
  const seen = (pointer: string, { placeOf }: ReadFile, name: string, canBeRenamed: boolean): boolean => {
    const before = first.get(pointer)
    if (before === undefined) {
      first.set(pointer, placeOf)
      map.put(pointer, pointer, placeOf)
    } else diagnostics.push(twice(name, placeOf(pointer), before(pointer), canBeRenamed))
    return before !== undefined
  }
  for (const file of files) {
    for (const field of single) {
      const written = file.document[field]
      if (written !== undefined && !seen(step(field), file, field, false)) document[field] = written
    }
    for (const section of namedSections) {
      const known = sections[section]
      for (const [name, written] of Object.entries(file.document[section] ?? {})) {
        const pointer = step(section) + step(name)
        if (!seen(pointer, file, name, true) && !isHalfRedis(written, [section, name], file)) known[name] = written
      }
    }
  }
  const { routes, ...ofRoutes } = gatherRoutes(files, map.put)
  const placeOf: PlaceOf = (pointer) => map.placeOf(pointer) ?? files[0]?.placeOf(pointer)
  const isWritten = (section: NamedSection, name: string, field?: string) =>
    files.some((file) => at(file.content, [section, name, ...(field === undefined ? [] : [field])]) !== undefined)
  const isUsable = (section: NamedSection, name: string) =>
    Object.hasOwn(sections[section], name) && !files.some((file) => file.isIncomplete([section, name]))
  const leftOut = Object.fromEntries(
    namedSections.map((section) => [
      section,
      [...new Set(files.flatMap(({ content }) => keysOf(at(content, [section]))))].filter(
        (name) => isName(name) && !isUsable(section, name),
      ),
    ]),
  ) as Record<NamedSection, string[]>
  const lostIn = (path: Path) => files.flatMap((file) => file.lostIn(path))
  return {
    document: { ...document, routes } as NativeDocument,
    placeOf,
    diagnostics,
    isWritten,
    isUsable,
    leftOut: { ...leftOut, lostIn },
    ...ofRoutes,
  }
}

function keysOf(written: unknown): string[] {
  return typeof written === 'object' && written !== null && !Array.isArray(written) ? Object.keys(written) : []
}

/** Of a Redis store, what is left would be warned of: without the password that was written wrong, it has none. */
function isHalfRedis(written: unknown, path: Path, { lostIn }: CheckedDocument): boolean {
  return at(written, ['redis']) !== undefined && lostIn(path).length > 0
}

function gatherRoutes(files: readonly (ReadFile & CheckedDocument)[], put: ReturnType<typeof places>['put']) {
  const origins: { file: ReadFile & CheckedDocument; path: Path }[] = []
  const routes = files
    .flatMap((file) => (file.document.routes ?? []).map((route, index) => ({ file, route, index })))
    .map(({ file, route, index: own }, index) => {
      put(`/routes/${index}`, `/routes/${own}`, file.placeOf)
      origins.push({ file, path: ['routes', own] })
      return route
    })
  return {
    routes,
    lostIn: (index: number) => origins[index]!.file.lostIn(origins[index]!.path),
    hasField: (index: number, field: string) =>
      at(origins[index]!.file.content, [...origins[index]!.path, field]) !== undefined,
  }
}

function twice(name: string, place: Place | undefined, before: Place | undefined, canBeRenamed: boolean): Diagnostic {
  return {
    severity: 'error',
    code: 'defined-twice',
    place,
    message: `"${name}" is defined twice, first in ${before?.file}:${before?.line}.`,
    consequence: 'One of them would have been ignored.',
    remedy: canBeRenamed ? 'Keep one, or give the other its own name.' : 'Keep one.',
    ...(before && { related: [before] }),
  }
}
