import {
  durationPattern,
  formatDuration,
  formatSize,
  type Lookup,
  type Parsed,
  parseAddress,
  parseDuration,
  parseSize,
  sizePattern,
  unparsed,
  type ValueReference,
  type ValueSource,
} from '@coatcheck/model'
import * as z from 'zod'
import { isReference } from '../content.ts'

/** How an issue tells that it is about a reference, among the other ways to write a value. */
export const referenceMark = 'reference'

const variable = z.strictObject({
  env: z.string().min(1).meta({ description: 'Environment variable that holds the value.' }),
})
const fileReference = z.strictObject({
  file: z.string().min(1).meta({ description: 'Path of a file that holds the value.' }),
})

/** `{ env: NAME }` or `{ file: path }`: the value lies elsewhere. */
const reference = z.union([variable, fileReference], { error: referenceMark }).meta({ id: 'reference' })

/** A name that a file gives to something: `main`, `shop.web`, `ns/route`. Not digits alone: such keys lose their order. */
const namePattern = /^(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9_.:@/[\]-]{0,127}$/

/** Whether something may be called so. */
export function isName(text: string): boolean {
  return namePattern.test(text)
}

/** How an issue tells that a reference stands where a name is asked for. */
export const nameMark = 'name'

/** Text for which no reference can stand. */
export function name() {
  return z.string({ error: ({ input }) => (isReference(input) ? nameMark : undefined) })
}

const pathText = z.string().regex(/^\//).meta({ title: 'path' })

/** The scalars of the native file, each made here alone: each also takes `{ env: NAME }` or `{ file: path }`, answered by the lookup. */
export function values(lookup: Lookup) {
  /** The inner value, or a reference whose text is read as the inner value would be. */
  const or = <T extends z.ZodType>(inner: T) => z.union([inner, referenceTo(inner, lookup)])
  const number = (from: number, to: number) =>
    z
      .int({ error: `a whole number from ${from} to ${to}` })
      .min(from)
      .max(to)

  return {
    text: () => or(z.string().min(1)),
    /** A name, or what refers to one: it is written out, so that the file can be read by itself. */
    name: () => name().min(1),
    /** One of several kinds of values. */
    value: or,
    path: () => or(pathText),
    integer: (from: number, to: number) => or(number(from, to)),
    flag: () => or(z.boolean()),
    choice: <const T extends readonly string[]>(options: T) => or(z.enum(options)),
    duration: (longest?: number) => or(durationUpTo(longest)),
    size: (from: number, to: number) => or(sizeBetween(from, to)),
    address: () => or(addressText),
    /** Text that a parser of the model turns into a value. */
    parsed: <T>(kind: TextKind<T>) => or(parsedText(kind)),
    texts: () => z.array(or(z.string().min(1))),
  }
}
export type Values = ReturnType<typeof values>

/** An object that takes no other fields than these. */
export const fields = z.strictObject

/** Such an object with one of these fields, neither none nor two. */
export function exactlyOne<T extends z.ZodRawShape>(shape: T) {
  return fields(shape)
    .superRefine(oneOf(Object.keys(shape)))
    .meta({ minProperties: 1, maxProperties: 1 })
}

/** The same where others may stand beside it. */
export function exactlyOneBeside<T extends z.ZodRawShape, O extends z.ZodRawShape>(shape: T, others: O) {
  return fields({ ...shape, ...others }).superRefine(oneOf(Object.keys(shape)))
}

function oneOf(names: readonly string[]) {
  return (object: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx) => {
    const count = names.filter((name) => object[name] !== undefined).length
    if (count === 1) return
    const problem = count === 0 ? `names none of ${names.join(', ')}` : `names several of ${names.join(', ')}`
    refuse(context, { problem, remedy: `${count === 0 ? 'Write' : 'Keep'} one of ${names.join(', ')}.` })
  }
}

/** Named things: name → spec, in the order of the file. */
export function named<T extends z.ZodType>(spec: T) {
  return z.record(z.string().regex(namePattern), spec)
}

/** `off`, or `false`, which older YAML readers make of it. */
export function off() {
  return z.union([z.literal('off'), z.literal(false)]).transform(() => 'off' as const)
}

/** A certificate or key in PEM: a path, the text itself, `{ file: path }` or `{ env: NAME }`. */
export function pem() {
  const inline = z
    .string()
    .min(1)
    .meta({ title: 'PEM' })
    .transform((text): ValueSource => {
      return text.startsWith('-----BEGIN ') ? { from: 'value', value: text } : { from: 'file', path: text }
    })
  return z.union([inline, source()])
}

/** Text that may be a secret: where it lies elsewhere the model says where, and it is read when the gateway is compiled. */
export function maybeSecret(text: z.ZodString) {
  return z.union([text, source()])
}

/** A secret: the value itself, `{ file: path }` or `{ env: NAME }`. */
export function secret() {
  const text = z.string().min(1).meta({ title: 'secret' })
  return z.union([text.transform((value): ValueSource => ({ from: 'value', value })), source()])
}

/** Where a value lies: `{ env: NAME }` or `{ file: path }`. */
export function source() {
  return reference.transform((written): ValueReference => {
    return 'env' in written ? { from: 'env', name: written.env } : { from: 'file', path: written.file }
  })
}

function referenceTo<T extends z.ZodType>(inner: T, lookup: Lookup) {
  return reference.transform((written, context): z.output<T> => {
    const text = lookup(written)
    if (text === undefined) return refuse(context, missing(written))
    const result = [text, scalar(text)].map((value) => inner.safeParse(value))
    const read = result.find((attempt) => attempt.success)
    if (read?.success) return read.data
    for (const issue of result[0]?.error?.issues ?? []) context.addIssue({ ...issue, input: written } as never)
    return z.NEVER
  })
}

/** Numbers and switches come as text from the environment. */
function scalar(text: string): unknown {
  if (/^-?[0-9]{1,15}$/.test(text)) return Number(text)
  return text === 'true' ? true : text === 'false' ? false : text
}

export const addressText = parsedText({
  title: 'address',
  expected: 'an address, as ":8080" or "127.0.0.1:8080"',
  parse: parseAddress,
})

export function durationUpTo(longest?: number) {
  return parsedText({
    title: 'duration',
    expected: 'a duration with a unit, as "500ms", "30s", "10m" or "1h30m"',
    pattern: durationPattern,
    parse(text) {
      const result = parseDuration(text)
      if (!result.ok || longest === undefined || result.value <= longest) return result
      return unparsed('is too long', `Write at most ${formatDuration(longest)}.`)
    },
  })
}

function sizeBetween(from: number, to: number) {
  const range = `from ${formatSize(from)} to ${formatSize(to)}`
  const bytes = z.int().min(from).max(to).meta({ title: 'size' })
  const text = parsedText({
    title: 'size',
    expected: 'a size, as "64KB" or "1MiB"',
    pattern: sizePattern,
    parse(text) {
      const result = parseSize(text)
      if (!result.ok || (result.value >= from && result.value <= to)) return result
      return unparsed(`is not ${range}`, `Write a size ${range}.`)
    },
  })
  return z.union([bytes, text])
}

/** Text that a parser of the model turns into a value. */
export interface TextKind<T> {
  /** How the reference calls it. */
  readonly title: string
  /** What to write when it is no text at all. */
  readonly expected: string
  /** What editors check while one writes. */
  readonly pattern?: string
  readonly parse: (text: string) => Parsed<T>
}

export function parsedText<T>({ title, expected, pattern, parse }: TextKind<T>) {
  const text = z.string({ error: expected }).meta(pattern === undefined ? { title } : { title, pattern })
  return text.transform((text, context): T => {
    const result = parse(text)
    return result.ok ? result.value : refuse(context, result)
  })
}

export interface Refusal {
  readonly code?: string
  readonly problem: string
  readonly remedy: string
}

/** Adds an issue whose problem and remedy the diagnostic takes over word for word. */
export function refuse(context: z.core.$RefinementCtx, { code = 'value-invalid', problem, remedy }: Refusal): never {
  context.addIssue({ code: 'custom', message: problem, params: { code, remedy } })
  return z.NEVER
}

function missing(written: { env: string } | { file: string }): Refusal {
  const what = 'env' in written ? `the environment variable "${written.env}"` : `the file "${written.file}"`
  const how = 'env' in written ? `Set ${what}` : `Make ${what} readable`
  return {
    code: 'value-missing',
    problem: `refers to ${what}, which is not there`,
    remedy: `${how}, or write the value itself.`,
  }
}
