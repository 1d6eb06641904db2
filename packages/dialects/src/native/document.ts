import { type Diagnostic, type Lookup, type PlaceOf, pointerOf } from '@coatcheck/model'
import { at, type Path } from './content.ts'
import { type Problem, problemsOf } from './problems.ts'
import { documentSchema, type NativeDocument } from './schema.ts'

/** What could be understood of a document. */
export interface CheckedDocument {
  readonly document: NativeDocument
  readonly diagnostics: readonly Diagnostic[]
  /** Fields of the object at this path in which something was wrong, and is not in `document`; `*`: all of them may be. */
  lostIn(path: Path): readonly string[]
  /** Whether something stands in what lies at this path for a field that it cannot do without. */
  isIncomplete(path: Path): boolean
}

/** What stands for a field that is wrong or missing, so that the rest of its object can be checked. It leads nowhere. */
const standIns: readonly (readonly [field: string, value: unknown])[] = [
  ['listeners/*/address', '127.0.0.1:0'],
  ['upstreams/*/urls', 'https://not-understood.invalid'],
  ['routes/*/cors/origins', ['https://not-understood.invalid']],
]

/**
 * Checks plain data against the schema.
 *
 * What is wrong is told and taken out, and the rest checked again until it is right: so one look finds everything, and
 * the checks that come later have something to look at.
 */
export function checkDocument(content: unknown, placeOf: PlaceOf, lookup: Lookup): CheckedDocument {
  const schema = schemaAsking(lookup)
  const problems: Problem[] = []
  const removed: Path[] = []
  const incomplete = new Set<string>()
  let rest: unknown = content ?? {}
  for (;;) {
    const result = schema.safeParse(rest)
    if (result.success) {
      const diagnostics = problems.map((problem) => diagnosticOf(problem, placeOf))
      return {
        document: result.data,
        diagnostics,
        lostIn: (path) => lostIn(path, problems, removed),
        isIncomplete: (path) => incomplete.has(pointerOf(path)),
      }
    }
    const found = result.error.issues.flatMap((issue) => problemsOf(issue, rest))
    problems.push(...causes(found, removed))
    for (const problem of found) {
      const stand = standInAt(rest, problem.path)
      if (stand !== undefined) incomplete.add(pointerOf(stand.path.slice(0, -1)))
      rest = stand === undefined ? without(rest, problem.path) : replaced(rest, stand.path, stand.value)
      removed.push(problem.path)
    }
  }
}

/** Problems that do not go away with others: around what was taken out, around another one, or beside what stands for it. */
function causes(found: readonly Problem[], removed: readonly Path[]): Problem[] {
  const around = new Set([
    ...removed.map(pointerOf),
    ...removed.flatMap(above),
    ...found.flatMap(({ path }) => above(path)),
  ])
  const stoodFor = new Set(
    found.flatMap(({ path, standsFor }) =>
      standsFor === undefined ? [] : pointerOf([...path.slice(0, -1), standsFor]),
    ),
  )
  return found.filter(({ path, code }) => {
    const beside = [path, [...path.slice(0, -1), '*']].map(pointerOf)
    return !around.has(beside[0]!) && !(code === 'field-missing' && beside.some((pointer) => stoodFor.has(pointer)))
  })
}

/** Pointers of all that is around what lies at the path. */
function above(path: Path): string[] {
  return path.map((_, index) => pointerOf(path.slice(0, index)))
}

/** What stands under a name that is nearly that of a field was meant for it. */
function lostIn(path: Path, problems: readonly Problem[], removed: readonly Path[]): string[] {
  const isInside = (other: Path) => path.every((name, index) => name === other[index])
  const inside = removed.filter(isInside).map((gone) => String(gone[path.length] ?? '*'))
  const meant = problems.filter((problem) => problem.path.length === path.length + 1 && isInside(problem.path))
  return [...new Set([...inside, ...meant.flatMap(({ standsFor }) => standsFor ?? [])])]
}

let made: ReturnType<typeof documentSchema> | undefined
let asked: Lookup = () => undefined

/** The schema costs much to make and is made once; reading is synchronous, so that it can ask another each time. */
function schemaAsking(lookup: Lookup): NonNullable<typeof made> {
  asked = lookup
  made ??= documentSchema((reference) => asked(reference))
  return made
}

function diagnosticOf({ path, standsFor: _, ...problem }: Problem, placeOf: PlaceOf): Diagnostic {
  return { severity: 'error', ...problem, place: placeOf(pointerOf(path)) }
}

/** What has to stand in when the path is taken out; nothing does when its object keeps the field, or is none. */
function standInAt(content: unknown, path: Path): { path: Path; value: unknown } | undefined {
  for (const [pattern, value] of standIns) {
    const names = pattern.split('/')
    const field = path.slice(0, names.length)
    if (field.length < names.length || !names.every((name, index) => name === '*' || name === field[index])) continue
    const holder = at(content, field.slice(0, -1))
    const canHold = typeof holder === 'object' && holder !== null && !Array.isArray(holder)
    const stays = at(without(content, path), field) !== undefined || at(content, field) === value
    return canHold && !stays ? { path: field, value } : undefined
  }
  return undefined
}

/** The content without what lies at the path; without what should hold it when it is not there. */
function without(content: unknown, path: Path): unknown {
  const parent = path.slice(0, -1)
  if (path.length === 0) return {}
  if (path.length === 2 && path[0] === 'routes') return replaced(content, path, {})
  const holder = at(content, parent)
  if (holder === undefined) return content
  const isThere = !Array.isArray(holder) && at(content, path) !== undefined
  if (!isThere) return without(content, parent)
  const { [path.at(-1)!]: _, ...others } = holder as Record<string | number, unknown>
  return replaced(content, parent, others)
}

/** A copy in which the path leads to `value`. Only what lies on the way is copied. */
function replaced(content: unknown, path: Path, value: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  const copy = Array.isArray(content) ? [...content] : { ...(content as object) }
  const holder = copy as Record<string | number, unknown>
  holder[name] = replaced(holder[name], rest, value)
  return copy
}
