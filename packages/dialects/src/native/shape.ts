import * as z from 'zod'
import { documentSchema } from './schema.ts'

/** The part of JSON Schema that zod makes of our schema. */
export interface Shape {
  readonly $ref?: string
  readonly title?: string
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Shape | false
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
  readonly allOf?: readonly Shape[]
  readonly definitions?: Readonly<Record<string, Shape>>
}

let made: Shape | undefined

/**
 * The schema of the native file as plain data (JSON Schema draft-07), descriptions and defaults included.
 *
 * Fields tell their default as `usual` and an example as `samples`: zod drops the keywords of JSON Schema where a value is
 * changed while it is read, because there they could mean either side.
 */
export function documentShape(): Shape {
  made ??= keywords(
    z.toJSONSchema(
      documentSchema(() => undefined),
      { target: 'draft-07', io: 'input' },
    ),
  ) as Shape
  return made
}

function keywords(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(keywords)
  if (node === null || typeof node !== 'object') return node
  const names: Readonly<Record<string, string>> =
    typeof (node as Shape).description === 'string' ? { usual: 'default', samples: 'examples' } : {}
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [names[name] ?? name, keywords(value)]))
}

/** Names of the fields that may stand in the object at a path, in whichever of its forms. */
export function knownFields(path: readonly (string | number)[]): string[] {
  return [...new Set(shapesAt(path, open).flatMap((shape) => Object.keys(shape.properties ?? {})))]
}

/** An example of what may stand at a path; `undefined` when the schema has none. */
export function exampleAt(path: readonly (string | number)[]): unknown {
  return shapesAt(path, (shape) => [shape]).find(({ examples }) => examples !== undefined)?.examples?.[0]
}

/** The alternatives of a shape, references followed. */
function open(shape: Shape): Shape[] {
  return forms(shape).flatMap((form) => (form.allOf ? forms(documentShape().definitions!.reference!) : [form]))
}

/** What may stand at a path. @param last what becomes of the shapes there */
function shapesAt(path: readonly (string | number)[], last: (shape: Shape) => Shape[]): Shape[] {
  let shapes: Shape[] = [documentShape()]
  for (const name of path) {
    shapes = shapes.flatMap(open).flatMap((shape) => {
      const inner = typeof name === 'number' ? shape.items : (shape.properties?.[name] ?? shape.additionalProperties)
      return inner ? [inner] : []
    })
  }
  return shapes.flatMap(last)
}

/** A shape and its alternatives, flat. */
export function forms(shape: Shape): Shape[] {
  return shape.anyOf === undefined ? [shape] : shape.anyOf.flatMap(forms)
}
