import { type Diagnostic, didYouMean, suggest } from '@coatcheck/model'
import { at, isReference, isSecret, type Path, shown, subject } from './content.ts'
import { inlineYaml } from './inline-yaml.ts'
import { laterField } from './later.ts'
import { nameMark } from './schema/values.ts'
import { exampleAt, knownFields } from './shape.ts'
import { alternatives, either, flat, type Issue, kindOf, meantWay, textKind, type Way } from './ways.ts'

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

function problemsOfUnion(union: readonly Way[], content: unknown, path: Path): Problem[] {
  const found = at(content, path)
  if (found === undefined) return [missingField(path)]
  if (typeof found === 'string' && knownFields(path).includes(found)) return [fieldAlone(found, content, path)]
  const ways = union.flatMap(flat)
  if (ways.flat().some((issue) => issue.path.length === 0 && issue.message === nameMark))
    return [nameFromElsewhere(content, path)]
  const meant = meantWay(ways, found)
  if (meant !== undefined) return meant.flatMap((issue) => problemsOf(issue, content, path))
  const options = alternatives(ways)
  const quoted = options.includes(textKind) ? inQuotes(found, path) : ''
  return [value(content, path, 'is of the wrong kind', `Write ${either(options)}.${quoted}`)]
}

/** The name of a field where the object that has it is wanted. */
function fieldAlone(name: string, content: unknown, path: Path): Problem {
  const fields = knownFields([...path, name])
  const within = fields.length === 0 ? '' : `, whose fields are ${fields.join(', ')}`
  return value(content, path, 'says too little by itself', `Write { ${name}: … }${within}.`)
}

function unknownField(path: Path): Problem {
  const name = String(path.at(-1))
  const later = laterField(path)
  if (later !== undefined) {
    return {
      path,
      standsFor: '*',
      code: 'not-supported-yet',
      message: `${subject(path)} is not supported by this version.`,
      consequence: `${later} would have been missing.`,
      remedy: 'Remove it for now.',
    }
  }
  const known = knownFields(path.slice(0, -1))
  return {
    path,
    standsFor: suggest(name, known),
    code: 'field-unknown',
    message: `${subject(path)} is not a field.`,
    consequence: 'It would have been ignored.',
    remedy: known.includes(name)
      ? `Keep one of ${known.join(', ')}.`
      : didYouMean(name, known).trim() || elsewhere(name, path, known),
  }
}

/** The field may belong one level deeper. That a value may lie elsewhere (`env`, `file`) is no help here. */
function elsewhere(name: string, path: Path, known: readonly string[]): string {
  const deeper = known.find((field) => knownFields([...path.slice(0, -1), field]).includes(name))
  if (deeper !== undefined) return `Did you mean "${deeper}.${name}"?`
  const own = known.filter((field) => field !== 'env' && field !== 'file')
  return `Remove it. Known here are ${(own.length > 0 ? own : known).join(', ')}.`
}

function missingField(path: Path): Problem {
  return {
    path,
    code: 'field-missing',
    message: `${subject(path)} is missing.`,
    consequence: 'Without it the rest has no meaning, and there is no default.',
    remedy: `Add "${path.at(-1)}".`,
  }
}

function invalidName(path: Path): Problem {
  return {
    path,
    code: 'name-invalid',
    message: `${subject(path)} is not a name.`,
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
      return wrongKind(issue, content, path)
    case 'invalid_value': {
      const options = issue.values.map(String)
      const found = at(content, path)
      const guess = typeof found === 'string' ? didYouMean(found, options) : ''
      return value(content, path, 'is not one of the choices', `Write ${either(options)}.${guess}`)
    }
    case 'too_small':
      return value(
        content,
        path,
        tooLittle(issue.origin),
        `Write ${amount(issue.origin, `at least ${issue.minimum}`)}.`,
      )
    case 'too_big':
      return value(content, path, 'is too large', `Write ${amount(issue.origin, `at most ${issue.maximum}`)}.`)
    case 'invalid_format':
      return value(content, path, 'is not written as it should be', formatRemedy(path))
    default:
      return value(content, path, 'is not right', 'Look at the reference of this field.')
  }
}

function wrongKind(issue: Issue & { code: 'invalid_type' }, content: unknown, path: Path): Problem {
  if (path.length === 0) return value(content, path, 'is no configuration', noConfiguration)
  if (issue.message === nameMark) return nameFromElsewhere(content, path)
  const kind = kindOf(issue)
  const quoted = kind === textKind ? inQuotes(at(content, path), path) : ''
  const example = issue.expected === 'record' || issue.expected === 'array' ? exampleAt(path) : undefined
  const as = example === undefined ? '' : `, as ${inlineYaml(example)}`
  if (issue.expected === 'array' && isReference(at(content, path)))
    return value(content, path, 'stands where a list is asked for', `Write a list${as}. ${itemsMay}`)
  return value(content, path, 'is of the wrong kind', `Write ${kind}${as}.${quoted}`)
}

function nameFromElsewhere(content: unknown, path: Path): Problem {
  const remedy = 'Write the name out: no { env } or { file } can stand here.'
  const url = path.includes('upstream') || path.at(-1) === 'mirror'
  const found = shown(content, path)
  const through = ` For a URL from elsewhere define upstreams: { app: ${found} }, and write app.`
  return value(content, path, 'stands where a name is asked for', url ? remedy + through : remedy)
}

const itemsMay = 'Each item that is a value may be { env: NAME } or { file: path }.'
const noConfiguration = 'Write fields, as listeners: { web: ":8080" }, or name another file.'

/** Numbers and switches are text once they stand in quotes. */
function inQuotes(found: unknown, path: Path): string {
  if (typeof found !== 'number' && typeof found !== 'boolean') return ''
  return isSecret(path) ? ' In quotes it is text.' : ` In quotes it is text: "${found}".`
}

function tooLittle(origin: string): string {
  return origin === 'array' || origin === 'string' ? 'is too short' : 'is too small'
}

function amount(origin: string, bound: string): string {
  const many = / 1$/.test(bound) ? '' : 's'
  return origin === 'string' ? `${bound} character${many}` : origin === 'array' ? `${bound} item${many}` : bound
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
    message: `${subject(path)} is ${shown(content, path)}, which ${problem}.`,
    consequence: 'It has no meaning here, and no default is put in its place.',
    remedy,
  }
}
