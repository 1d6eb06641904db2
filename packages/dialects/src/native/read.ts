import { type Diagnostic, type Place, type PlaceOf, pathOf, type SourceFile } from '@coatcheck/model'
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Range,
  visit,
  type YAMLError,
} from 'yaml'

/** A file that was read: plain data, and where each part of it stands. */
export interface ReadFile {
  readonly name: string
  /** Maps, lists and scalars; `undefined` for a file without content. */
  readonly content: unknown
  /** The place of a JSON pointer into `content`: of its key, or of the list's item; the nearest parent's when it has none. */
  readonly placeOf: PlaceOf
}

/** Longest file, in characters. */
const longestFile = 16 * 1024 * 1024
/** Aliases that may be followed, those within aliases counted again: a bomb of them grows fast. */
const mostAliases = 1000

/** Reads one YAML file strictly: one document, no key twice, no unknown tags, few aliases. */
export function readFile(file: SourceFile): { file: ReadFile | undefined; diagnostics: Diagnostic[] } {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file: file.name, line: Math.max(1, line), column: Math.max(1, col) }
  }
  const fail = (...problems: Problem[]) => ({
    file: undefined,
    diagnostics: problems.map((p) => diagnosticOf(p, placeAt)),
  })
  if (file.text.length > longestFile) return fail(tooLong)
  const parsed = parse(file.text, lines)
  if (!Array.isArray(parsed)) return fail(parsed)
  if (parsed.length > 1) return fail(severalDocuments(parsed[1]!))
  const document = parsed[0]
  if (document === undefined)
    return { file: { name: file.name, content: undefined, placeOf: () => placeAt(0) }, diagnostics: [] }
  const problems = [
    ...syntaxProblems(document, file.text),
    ...aliasProblems(document),
    ...keyProblems(document.contents),
  ]
  const diagnostics = problems.map((problem) => diagnosticOf(problem, placeAt))
  if (problems.some(({ code }) => code.startsWith('yaml-'))) return { file: undefined, diagnostics }
  const read = plain(document)
  if (read === undefined) return fail(tooManyAliases)
  return { file: { name: file.name, content: read.content, placeOf: placesOf(document, placeAt) }, diagnostics }
}

interface Problem {
  readonly code: string
  /** Where in the text. */
  readonly offset: number
  readonly message: string
  readonly consequence?: string
  readonly remedy: string
  readonly related?: number
}

function diagnosticOf(problem: Problem, placeAt: (offset: number) => Place): Diagnostic {
  const { code, offset, message, remedy, related } = problem
  const consequence = problem.consequence ?? 'Nothing of this file could be used.'
  const base = { severity: 'error', code, place: placeAt(offset), message, consequence, remedy } as const
  return related === undefined ? base : { ...base, related: [placeAt(related)] }
}

/** Nesting without end exhausts the parser's stack. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed[] | Problem {
  try {
    const documents = parseAllDocuments(text, { lineCounter, uniqueKeys: false, stringKeys: true })
    return 'empty' in documents ? [] : documents
  } catch {
    return tooDeep(0)
  }
}

function tooDeep(offset: number): Problem {
  return { code: 'yaml-invalid', offset, message: 'The file is nested too deeply.', remedy: 'Write fewer levels.' }
}

function syntaxProblems(document: Document.Parsed, text: string): Problem[] {
  const found = [...document.errors, ...document.warnings]
  const deep = found.find(({ message }) => message.startsWith('Maximum call stack'))
  if (deep !== undefined) return [tooDeep(deep.pos[0])]
  const quotes = openQuotes(document, text)
  const others = found.filter(({ pos }) => !quotes.some((quote) => isWithin(pos, quote)))
  return [...quotes.map(([offset]) => quoteOpen(offset)), ...others.map(syntaxProblem)]
}

function syntaxProblem({ message, pos }: YAMLError): Problem {
  return {
    code: 'yaml-invalid',
    offset: pos[0],
    message: `This is not YAML as it should be: ${firstSentence(message)}.`,
    remedy:
      'Mind indentation, quotes and brackets; put text that holds ": " or " #" or begins with { [ & * ! | > % @ into quotes.',
  }
}

function quoteOpen(offset: number): Problem {
  return {
    code: 'yaml-invalid',
    offset,
    message: 'This is not YAML as it should be: the quote that opens here is not closed where it was meant to be.',
    remedy: 'Close it on its line. Within "…" write \\" for a quote, and within \'…\' write two of them.',
  }
}

/**
 * Texts in quotes that end too late: those without an end, and those of several lines after which nothing makes sense.
 * The parser finds that, and brackets open around them, where they end.
 */
function openQuotes(document: Document.Parsed, text: string): Range[] {
  const ranges: Range[] = []
  visit(document, {
    Scalar(_, { type, range }) {
      if ((type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') && range) ranges.push(range)
    },
  })
  return ranges.filter((range) => {
    const isLong = text.slice(range[0], range[1]).includes('\n')
    return document.errors.some(({ message, pos }) => {
      return isWithin(pos, range) && (isLong || /^Missing closing ["']/.test(message))
    })
  })
}

function isWithin([offset]: readonly [number, number], [start, , end]: Range): boolean {
  return start <= offset && offset <= end
}

function firstSentence(message: string): string {
  return message.split(' at line ')[0]!.split('\n')[0]!.replace(/[.:]$/, '').slice(0, 200)
}

function aliasProblems(document: Document.Parsed): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return
      const message = `This is not YAML as it should be: the alias "*${alias.source}" stands for nothing.`
      problems.push({
        code: 'yaml-invalid',
        offset: offsetOf(alias),
        message,
        remedy: `Put "&${alias.source}" before what it stands for.`,
      })
    },
  })
  return problems
}

/** Keys that stand twice, both places told, and the one that would not become a field. */
function keyProblems(node: unknown): Problem[] {
  if (isSeq(node)) return node.items.flatMap(keyProblems)
  if (!isMap(node)) return []
  const first = new Map<string, number>()
  return node.items.flatMap((pair) => {
    const key = String(isScalar(pair.key) ? pair.key.value : pair.key)
    const offset = offsetOf(pair.key)
    const before = first.get(key)
    if (before === undefined) first.set(key, offset)
    const own =
      before !== undefined ? [writtenTwice(key, offset, before)] : key === '__proto__' ? [noField(key, offset)] : []
    return [...own, ...keyProblems(pair.value)]
  })
}

function noField(key: string, offset: number): Problem {
  return {
    code: 'field-unknown',
    offset,
    message: `"${key}" is neither a field nor a name.`,
    consequence: 'It would have been ignored.',
    remedy: 'Remove it, or write another name.',
  }
}

function writtenTwice(key: string, offset: number, related: number): Problem {
  return {
    code: 'key-twice',
    offset,
    related,
    message: `"${key}" is written twice.`,
    consequence: 'One of them would have been ignored.',
    remedy: 'Keep one, or give the other its own name.',
  }
}

const tooLong: Problem = {
  code: 'yaml-too-long',
  offset: 0,
  message: `The file is longer than ${longestFile} characters.`,
  remedy: 'Split it into several files of one folder.',
}

const tooManyAliases: Problem = {
  code: 'yaml-aliases',
  offset: 0,
  message: `The file's aliases stand for too much: more than ${mostAliases} of them, or one for itself.`,
  remedy: 'Write the values out.',
}

function severalDocuments(second: Document.Parsed): Problem {
  return {
    code: 'yaml-several-documents',
    offset: second.range[0],
    message: 'The file holds several YAML documents, separated by "---".',
    remedy: 'Put each into its own file of one folder; they are merged.',
  }
}

/** `undefined` when aliases stand for too much, or for what they are in. */
function plain(document: Document.Parsed): { content: unknown } | undefined {
  try {
    const content: unknown = document.toJS({ maxAliasCount: mostAliases })
    return isCircular(content, new Set()) ? undefined : { content }
  } catch {
    return undefined
  }
}

function isCircular(value: unknown, around: Set<object>): boolean {
  if (value === null || typeof value !== 'object') return false
  if (around.has(value)) return true
  around.add(value)
  const found = Object.values(value).some((inner) => isCircular(inner, around))
  around.delete(value)
  return found
}

function placesOf(document: Document.Parsed, placeAt: (offset: number) => Place): PlaceOf {
  return (pointer) => {
    let offset = document.range[0]
    let node: unknown = document.contents
    if (isMap(node) || isSeq(node)) offset = offsetOf(node)
    for (const name of pathOf(pointer)) {
      const found = child(resolved(node, document), name)
      if (found === undefined) break
      offset = found.offset
      node = found.node
    }
    return placeAt(offset)
  }
}

function resolved(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function child(node: unknown, name: string): { offset: number; node: unknown } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(name)]
    return item === undefined ? undefined : { offset: offsetOf(item), node: item }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name)
  return pair && { offset: offsetOf(pair.key), node: pair.value }
}

function offsetOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0
}
