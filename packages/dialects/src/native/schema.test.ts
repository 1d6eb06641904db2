import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseCase } from './fixtures/golden.ts'
import { jsonSchema } from './json-schema.ts'
import { configurationReference } from './reference.ts'

const reference = new URL('../../../../docs/reference/', import.meta.url)
const update = process.env.UPDATE_GOLDEN === '1'

/** The checked-in file is what is made now, however it is spaced; `UPDATE_GOLDEN=1` writes it. */
function expectCheckedIn<T>(name: string, made: T, read: (text: string) => T, write: (made: T) => string): void {
  const file = new URL(name, reference)
  if (update && !isDeepStrictEqual(read(readFileSync(file, 'utf8')), made)) writeFileSync(file, write(made))
  expect(read(readFileSync(file, 'utf8'))).toEqual(made)
}

const validate = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(
  jsonSchema(),
)
const input = (name: string) => {
  const { files } = parseCase(readFileSync(new URL(`cases/${name}.case`, import.meta.url), 'utf8'))
  return parse(files['in/coatcheck.yaml']!)
}

test('docs/reference/schema.json is what the schema says', () => {
  expectCheckedIn('schema.json', jsonSchema(), JSON.parse, (made) => `${JSON.stringify(made, null, 2)}\n`)
})

test('docs/reference/configuration.md is what the schema says', () => {
  expectCheckedIn('configuration.md', configurationReference(), String, String)
})

describe('jsonSchema()', () => {
  const names = [
    'smallest',
    'design-example',
    'listeners',
    'stores',
    'redis',
    'redis-url',
    'sessions',
    'upstreams',
    'matches',
    'middleware',
    'redirects',
    'references',
    'keys-and-sealing',
    'session-empty',
  ]
  test.each(names)('accepts the case %s', (name) => {
    validate(input(name))
    expect(validate.errors ?? []).toEqual([])
  })

  test.each([
    'unknown-fields',
    'design-example-later',
    'stores-wrong',
    'redis-wrong',
    'redis-url-wrong',
    'process-wrong',
    'no-map',
    'names-wrong',
  ])('rejects the case %s', (name) => {
    expect(validate(input(name))).toBe(false)
  })

  test.each([
    [{ nme: 'x' }],
    [{ listeners: { web: { address: ':1', x: 1 } } }],
    [{ sessions: { default: { timeouts: { idle: '10' } } } }],
    [{ routes: [{ match: { path: { exact: '/a', prefix: '/b' } } }] }],
    [{ routes: [{ upstream: 'a', headers: { request: { sets: {} } } }] }],
  ])('rejects %j', (document) => {
    expect(validate(document)).toBe(false)
  })

  test('is draft-07', () => {
    expect(jsonSchema().$schema).toBe('http://json-schema.org/draft-07/schema#')
  })

  test('says of every property what it does, and where the reference tells more', () => {
    const anchors = headings(configurationReference())
    const properties = propertiesOf(jsonSchema())
    expect(properties.length).toBeGreaterThan(100)
    for (const [path, { description }] of properties) {
      const match = /^\S.{3,} See configuration\.md#(\S+)$/.exec(description ?? '')
      expect(match, `${path}: ${description}`).not.toBeNull()
      expect(anchors, path).toContain(match![1])
    }
  })

  test('leads to the documentation where it is told to be', () => {
    const text = JSON.stringify(jsonSchema({ documentation: 'https://docs.example/configuration' }))
    expect(text).toContain('See https://docs.example/configuration#sessionsnamecookie')
    expect(text).not.toContain('configuration.md')
  })
})

interface Node {
  readonly description?: string
  readonly [keyword: string]: unknown
}

/** Every property of every object, with its path through the schema. */
function propertiesOf(node: unknown, path = ''): [string, Node][] {
  if (Array.isArray(node)) return node.flatMap((item, index) => propertiesOf(item, `${path}/${index}`))
  if (node === null || typeof node !== 'object') return []
  const own = path.endsWith('/properties')
    ? (Object.entries(node) as [string, Node][]).map(([name, part]): [string, Node] => [`${path}/${name}`, part])
    : []
  return [...own, ...Object.entries(node).flatMap(([name, inner]) => propertiesOf(inner, `${path}/${name}`))]
}

/** Anchors as Markdown renderers make them. */
function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
