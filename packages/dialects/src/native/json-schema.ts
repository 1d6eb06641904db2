import { documentShape, type Shape } from './shape.ts'

/** A JSON Schema, draft-07: what editors of YAML and JSON understand. */
export type JsonSchema = { readonly [keyword: string]: unknown }

export interface JsonSchemaOptions {
  /** Where `configuration.md` can be read. @defaultValue `configuration.md`, beside the schema */
  readonly documentation?: string
}

/**
 * The schema of `coatcheck.yaml` for editors. Every property says what it does, and where to read more.
 *
 * It is made from what the dialect reads by, so that an editor accepts what the gateway accepts in form; what only
 * shows in the whole (names that refer to nothing, and the like) is up to `coatcheck check`.
 */
export function jsonSchema({ documentation = 'configuration.md' }: JsonSchemaOptions = {}): JsonSchema {
  const { $schema, ...rest } = described(documentShape(), [], documentation) as Record<string, unknown>
  return {
    $schema,
    title: 'coatcheck.yaml',
    description: `Configuration of Coatcheck, the session gateway. See ${documentation}`,
    ...rest,
  }
}

/** The anchor of an object's part of the reference: its path, as Markdown renderers make anchors of headings. */
export function anchorOf(path: readonly string[]): string {
  return path.length === 0
    ? 'top-level'
    : path
        .join('')
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, '')
}

function described(shape: Shape, path: readonly string[], documentation: string): Shape {
  const inner = (part: Shape, ...more: string[]) => described(part, [...path, ...more], documentation)
  const { properties, additionalProperties, items, anyOf, definitions } = shape
  return {
    ...shape,
    ...(properties && {
      properties: mapped(properties, (part, name) => linked(inner(part, name), path, documentation)),
    }),
    ...(additionalProperties && { additionalProperties: inner(additionalProperties, 'NAME') }),
    ...(items && { items: inner(items, '[]') }),
    ...(anyOf && { anyOf: anyOf.map((part) => inner(part)) }),
    ...(definitions && { definitions: mapped(definitions, (part) => described(part, ['values'], documentation)) }),
  }
}

function linked(shape: Shape, path: readonly string[], documentation: string): Shape {
  return { ...shape, description: `${shape.description ?? ''} See ${documentation}#${anchorOf(path)}` }
}

function mapped(
  shapes: Readonly<Record<string, Shape>>,
  change: (shape: Shape, name: string) => Shape,
): Record<string, Shape> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, change(shape, name)]))
}
