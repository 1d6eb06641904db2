import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { probeSteps } from '@coatcheck/session/stores/redis'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

function sources(pattern: RegExp): string[] {
  return ['model', 'dialects', 'gateway', 'session', 'coatcheck']
    .flatMap((name) => readdirSync(join(root, 'packages', name, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => pattern.test(path) && !/\.test\.ts$|\/(testing|fixtures|rules|cases)\//.test(path))
    .map((path) => readFileSync(path, 'utf8'))
}

/** `export type …ErrorCode = | 'a' | 'b'`, with comments between. */
function membersOfCodeTypes(): string[] {
  const types = /export type \w*ErrorCode =((?:\s*(?:\/\/.*|\/\*\*.*\*\/|\| '[^']+'))+)/g
  return sources(/\.ts$/).flatMap((text) =>
    [...text.matchAll(types)].flatMap(([, body]) => [...body!.matchAll(/\| '([^']+)'/g)].map(([, code]) => code!)),
  )
}

const makesDiagnostics = /packages\/(model|dialects|coatcheck)\/src\/(?!observability\/)/
/** Words of zod's issues, which are not ours. */
const foreign = new Set(['custom'])

/**
 * What stands behind `code:` or `code =` on its line, by the form of a code; not `'code' in error`, nor `Type['code']`.
 */
function codesOfDiagnostics(): string[] {
  return sources(makesDiagnostics)
    .flatMap((text) => [...text.matchAll(/\bcode(?::\s*| = (?='))(.*)/g)])
    .flatMap(([, rest]) => [...rest!.matchAll(/(?<!\[)'([a-z]+(?:-[a-z0-9]+)*)'(?! in )/g)])
    .map(([, code]) => code!)
    .filter((code) => !foreign.has(code))
}

/** Codes that are made of a kind: all that the kind can be. */
const spelledOut: Readonly<Record<string, readonly string[]>> = {
  '{kind}-unknown': ['listener-unknown', 'store-unknown', 'session-unknown', 'upstream-unknown', 'key-unknown'],
  '{kind}-unused': ['upstream-unused', 'session-unused', 'store-unused'],
  '{kind}-without-session': ['login-without-session', 'capture-without-session'],
  'store-probe-{step.step}': probeSteps.map((step) => `store-probe-${step}`),
  'cookie-{part}-invalid': ['cookie-name-invalid', 'cookie-path-invalid', 'cookie-domain-invalid'],
}

function templates(): string[] {
  return sources(makesDiagnostics).flatMap((text) =>
    [...text.matchAll(/\bcode: `([^`]+)`/g)].map(([, code]) => code!.replaceAll('$', '')),
  )
}

interface Entry {
  readonly code: string
  readonly cells: readonly string[]
}

function entries(): Entry[] {
  return readFileSync(join(root, 'docs/reference/errors.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const row = /^\| `([^`]+)` \|(.*)\|$/.exec(line)
      return row === null ? [] : [{ code: row[1]!, cells: row[2]!.split(' | ').map((cell) => cell.trim()) }]
    })
}

test('every code that can be shown has one entry, and every entry a code', () => {
  const codes = new Set([...membersOfCodeTypes(), ...codesOfDiagnostics(), ...Object.values(spelledOut).flat()])
  const written = entries().map(({ code }) => code)
  expect([...codes].filter((code) => !written.includes(code))).toEqual([])
  expect(written.filter((code) => !codes.has(code))).toEqual([])
  expect(written.filter((code, at) => written.indexOf(code) !== at)).toEqual([])
  expect(codes.size).toBeGreaterThan(100)
})

test('every code that is made of a kind is spelled out', () => {
  expect([...new Set(templates())].sort()).toEqual(Object.keys(spelledOut).sort())
})

test('every entry says its kind, what it means, what the visitor sees and what to do', () => {
  for (const { code, cells } of entries()) {
    expect(cells, code).toHaveLength(4)
    for (const cell of cells) expect(cell, code).not.toBe('')
  }
})
