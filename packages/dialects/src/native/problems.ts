import { type Diagnostic, didYouMean, suggest } from '@coatcheck/model'
import type * as z from 'zod'
import { laterField } from './later.ts'
import { referenceMark } from './schema/values.ts'
import { knownFields } from './shape.ts'

type Issue = z.core.$ZodIssue
type Path = readonly (string | number)[]

/** A part of a document that is not as the schema wants it. */
export interface Problem extends Omit<Diagnostic, 'place' | 'severity'> {
  readonly path: Path
  /** The field beside it that it stands in place of, by mistake or in a later version (`*`: any). */
  readonly standsFor?: string | undefined
}

/** What the schema found, as problems that say what to write instead. `content` is what was checked. */
export function problemsOf(issue: Issue, content: unknown, base: Path = []): Problem[] {
  const path = [...base, ...(issue.path as Path)]
  switch (issue.code) {
    case 'invalid_union':
      return problemsOfUnion(issue.errors, content, path)
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField([...path, key]))
    case 'invalid_key':
      return [invalidName(path)]
    case 'custom':
      return [refused(issue, content, path)]
    default:
      return [at(content, path) === undefined ? missingField(path) : invalidValue(issue, content, path)]
  }
}

type Way = readonly Issue[]

/** Of several ways to write a value, the one that was meant: of the right kind, and nearest to being right. */
function problemsOfUnion(union: readonly Way[], content: unknown, path: Path): Problem[] {
  const found = at(content, path)
  if (found === undefined) return [missingField(path)]
  const ways = union.flatMap(flat)
  const meant = isReference(found)
    ? ways.find(isReferenceWay)
    : ways
        .filter((way) => !isReferenceWay(way) && isOfKind(way, found))
        .sort((a, b) => farness(a, found) - farness(b, found))[0]
  if (meant !== undefined) return insideOf(meant).flatMap((issue) => problemsOf(issue, content, path))
  return [value(content, path, 'is of the wrong kind', `Write ${alternatives(ways)}.`)]
}

/** Ways within ways, but for references, which are one. */
function flat(way: Way): Way[] {
  const [issue] = way
  const nested = way.length === 1 && issue?.code === 'invalid_union' && issue.path.length === 0 && !isReferenceWay(way)
  return nested ? issue.errors.flatMap(flat) : [way]
}

function isReferenceWay(way: Way): boolean {
  return way.some(
    (issue) => issue.message === referenceMark || (issue.code === 'custom' && issue.params?.code === 'value-missing'),
  )
}

/** A reference that is not written right is told by its own issues. */
function insideOf(way: Way): Way {
  const [issue] = way
  if (issue?.code !== 'invalid_union' || !isReferenceWay(way)) return way
  return [...issue.errors].sort((a, b) => farness(a) - farness(b))[0] ?? way
}

function isOfKind(way: Way, found: unknown): boolean {
  return !way.some((issue) => {
    if (issue.path.length > 0) return false
    if (issue.code === 'invalid_value') return !issue.values.some((option) => typeof option === typeof found)
    return issue.code === 'invalid_type'
  })
}

/** How much is wrong with a way. A choice that is nearly right was meant; one that is not was not. */
function farness(way: Way, found?: unknown): number {
  return way.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys') return sum + issue.keys.length
    if (issue.code !== 'invalid_value') return sum + 1
    return sum + (suggest(String(found), issue.values.map(String)) === undefined ? 1.5 : 0.5)
  }, 0)
}

function alternatives(ways: readonly Way[]): string {
  const all = ways.filter((way) => !isReferenceWay(way)).flatMap((way) => way.flatMap(expected))
  return [...new Set(all)].join(', or ')
}

function expected(issue: Issue): string[] {
  if (issue.path.length > 0) return []
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_type' ? [kindOf(issue)] : []
}

/** What the schema says that it expects, else the kind. */
function kindOf(issue: Issue & { code: 'invalid_type' }): string {
  return issue.message.startsWith('Invalid ') ? (kinds[issue.expected] ?? issue.expected) : issue.message
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function unknownField(path: Path): Problem {
  const name = String(path.at(-1))
  const later = laterField(path)
  if (later !== undefined) {
    return {
      path,
      standsFor: '*',
      code: 'not-supported-yet',
      message: `"${label(path)}" is not supported by this version.`,
      consequence: `${later} would have been missing.`,
      remedy: 'Remove it for now.',
    }
  }
  const known = knownFields(path.slice(0, -1))
  return {
    path,
    standsFor: suggest(name, known),
    code: 'field-unknown',
    message: `"${label(path)}" is not a field.`,
    consequence: 'It would have been ignored.',
    remedy: known.includes(name)
      ? `Keep one of ${known.join(', ')}.`
      : `Remove it.${didYouMean(name, known) || elsewhere(name, path, known)}`,
  }
}

/** The field may belong one level deeper. */
function elsewhere(name: string, path: Path, known: readonly string[]): string {
  const deeper = known.find((field) => knownFields([...path.slice(0, -1), field]).includes(name))
  return deeper === undefined ? ` Known here are ${known.join(', ')}.` : ` Did you mean "${deeper}.${name}"?`
}

function missingField(path: Path): Problem {
  return {
    path,
    code: 'field-missing',
    message: `"${label(path)}" is missing.`,
    consequence: 'Without it the rest has no meaning, and there is no default.',
    remedy: `Add "${path.at(-1)}".`,
  }
}

function invalidName(path: Path): Problem {
  return {
    path,
    code: 'name-invalid',
    message: `"${label(path)}" is not a name.`,
    consequence: 'It could not be referred to, nor shown in logs and metrics.',
    remedy: 'Begin with a letter or digit; then letters, digits, _ . : @ / -; at most 128, and not digits alone.',
  }
}

function refused(issue: Issue & { code: 'custom' }, content: unknown, path: Path): Problem {
  const { code, remedy } = issue.params as { code: string; remedy: string }
  return { ...value(content, path, issue.message, remedy), code }
}

function invalidValue(issue: Issue, content: unknown, path: Path): Problem {
  switch (issue.code) {
    case 'invalid_type':
      return value(content, path, 'is of the wrong kind', `Write ${kindOf(issue)}.`)
    case 'invalid_value': {
      const options = issue.values.map(String)
      const guess = didYouMean(String(at(content, path)), options)
      return value(content, path, 'is not one of the choices', `Write ${options.join(', or ')}.${guess}`)
    }
    case 'too_small':
      return value(content, path, 'is too small', `Write ${amount(issue.origin, `at least ${issue.minimum}`)}.`)
    case 'too_big':
      return value(content, path, 'is too large', `Write ${amount(issue.origin, `at most ${issue.maximum}`)}.`)
    case 'invalid_format':
      return value(content, path, 'is not written as it should be', formatRemedy(path))
    default:
      return value(content, path, 'is not right', 'Look at the reference of this field.')
  }
}

function amount(origin: string, bound: string): string {
  return origin === 'string' ? `${bound} character` : origin === 'array' ? `${bound} item` : bound
}

function formatRemedy(path: Path): string {
  return path.at(-1) === 'name'
    ? 'Begin with a letter or digit; then letters, digits, _ . : @ / -; at most 128.'
    : 'Begin the path with "/".'
}

function value(content: unknown, path: Path, problem: string, remedy: string): Problem {
  const found = at(content, path)
  if (isReference(found) && problem.startsWith('is '))
    return value(content, path, 'stands for a value that cannot be used', remedy)
  return {
    path,
    code: 'value-invalid',
    message: `"${label(path)}" is ${shown(content, path)}, which ${problem}.`,
    consequence: 'It has no meaning here, and no default is put in its place.',
    remedy,
  }
}

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

/** A value as a message shows it: short, on one line, and never a secret. */
function shown(content: unknown, path: Path): string {
  const found = at(content, path)
  if (path[0] === 'keys') return 'a secret'
  if (Array.isArray(found)) return 'a list'
  if (found !== null && typeof found === 'object') return isReference(found) ? reference(found) : 'an object'
  const text = JSON.stringify(found) ?? String(found)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

function reference(found: object): string {
  const [name, target] = Object.entries(found)[0] ?? []
  return `{ ${name}: ${String(target)
    .replace(/[\u0000-\u001f\u007f]/g, '?')
    .slice(0, 80)} }`
}

function isReference(found: unknown): found is object {
  return found !== null && typeof found === 'object' && (Object.hasOwn(found, 'env') || Object.hasOwn(found, 'file'))
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
