import { describe, expect, test } from 'vitest'
import { type Exports, violations } from './check-imports.ts'
import { importsOf, usesOf } from './imports.ts'

const exported: Exports = new Map([
  ['@coatcheck/session', new Set(['.', './testing'])],
  ['@coatcheck/model', new Set(['.'])],
  ['@coatcheck/gateway', new Set(['.'])],
])
const of = (path: string, text: string) => violations(path, text, exported).map(({ line, what }) => `${line} ${what}`)

describe('arrows', () => {
  test.each([
    ['packages/session/src/a.ts', '@coatcheck/model'],
    ['packages/session/src/a.ts', 'node:sqlite'],
    ['packages/session/src/a.ts', 'node:fs'],
    ['packages/session/src/stores/memory/a.ts', 'node:sqlite'],
    ['packages/session/src/testing/a.ts', 'vitest'],
    ['packages/model/src/a.ts', 'node:crypto'],
    ['packages/model/src/a.ts', 'zod'],
    ['packages/dialects/src/a.ts', 'node:path'],
    ['packages/dialects/src/a.ts', '@coatcheck/gateway'],
    ['packages/dialects/src/native/a.ts', '@coatcheck/session'],
    ['packages/gateway/src/a.ts', 'node:fs'],
    ['packages/gateway/src/a.ts', 'node:fs/promises'],
    ['packages/gateway/src/node/a.ts', 'node:child_process'],
    ['packages/gateway/src/a.ts', '@coatcheck/dialects'],
    ['packages/gateway/src/a.ts', 'coatcheck'],
    ['packages/coatcheck/src/a.ts', 'left-pad'],
  ])('%s may not import %s', (path, module) => {
    expect(of(path, `import { x } from '${module}'\n`)).toEqual([`1 imports "${module}"`])
  })

  test.each([
    ['packages/session/src/a.ts', 'node:crypto'],
    ['packages/session/src/stores/sqlite/a.ts', 'node:sqlite'],
    ['packages/session/src/testing/a.ts', 'node:assert/strict'],
    ['packages/dialects/src/native/a.ts', 'yaml'],
    ['packages/dialects/src/native/a.ts', '@coatcheck/model'],
    ['packages/gateway/src/node/a.ts', 'node:http2'],
    ['packages/gateway/src/a.ts', '@coatcheck/session'],
    ['packages/gateway/src/a.test.ts', 'node:fs'],
    ['packages/gateway/src/testing/a.ts', 'node:fs'],
    ['packages/dialects/src/native/testing/a.ts', 'fast-check'],
    ['packages/coatcheck/src/a.ts', '@coatcheck/gateway'],
    ['packages/coatcheck/src/a.ts', 'node:fs'],
    ['bench/request/a.ts', 'left-pad'],
  ])('%s may import %s', (path, module) => {
    expect(of(path, `import { x } from '${module}'\n`)).toEqual([])
  })

  test('every violation says why', () => {
    const [one] = violations('packages/model/src/a.ts', "import 'node:fs'\n", exported)
    expect(one?.reason).toContain('imports nothing')
  })
})

describe('insides', () => {
  test('a package imports only what another exports', () => {
    expect(of('packages/gateway/src/a.ts', "import { x } from '@coatcheck/session/src/ticket.ts'\n")).toEqual([
      '1 imports "@coatcheck/session/src/ticket.ts", which @coatcheck/session does not export',
    ])
    expect(of('packages/gateway/src/a.test.ts', "import { x } from '@coatcheck/session/testing'\n")).toEqual([])
  })

  test('a relative path stays in its package', () => {
    const text = "import { x } from '../../session/src/ticket.ts'\n"
    expect(of('packages/gateway/src/a.ts', text)).toEqual([
      '1 imports "../../session/src/ticket.ts", which leaves its package',
    ])
    expect(of('test/end-to-end/a.test.ts', "import { x } from '../../packages/session/src/ticket.ts'\n")).toEqual([])
  })

  test('what is there for tests may be used by the tests of all', () => {
    const text = "import { x } from '../../gateway/src/testing/recorder.ts'\n"
    expect(of('packages/coatcheck/src/a.test.ts', text)).toEqual([])
    expect(of('packages/coatcheck/src/a.ts', text)).toHaveLength(1)
    expect(of('packages/gateway/src/a.ts', "import { x } from './testing/recorder.ts'\n")).toHaveLength(1)
  })

  test('a path ends in .ts', () => {
    expect(of('packages/model/src/a.ts', "import { x } from './b'\nexport * from './c.js'\n")).toEqual([
      '1 imports "./b"',
      '2 imports "./c.js"',
    ])
  })
})

describe('uses', () => {
  test('the gateway touches neither process nor listening sockets', () => {
    const text = 'const a = process.env.HOME\nserver.listen(0)\nprocess.nextTick(end)\n'
    expect(of('packages/gateway/src/a.ts', text)).toEqual(['1 uses "process.env"', '2 uses ".listen("'])
    expect(of('packages/coatcheck/src/a.ts', text)).toEqual([])
  })

  test('a dialect has no clock and no network', () => {
    expect(of('packages/dialects/src/a.ts', 'const now = Date.now()\n')).toEqual(['1 uses "Date.now("'])
    for (const now of ['new Date()', 'new Date( )', 'new Date']) {
      expect(of('packages/dialects/src/a.ts', `const now = ${now}\n`)).toEqual([`1 uses "${now}"`])
    }
    expect(of('packages/dialects/src/a.ts', 'const then = new Date(0)\n')).toEqual([])
  })

  test('comments and strings are no uses', () => {
    const text = "/** Not process.env. */\n// process.env\nconst a = 'process.env' // process.env\n"
    expect(of('packages/gateway/src/a.ts', text)).toEqual([])
  })
})

describe('importsOf()', () => {
  test('finds every spelling of an import, with its line', () => {
    const text = `import a from 'm1'
import { b } from "m2"
import type { C } from 'm3'
import 'm4'
import {
  d,
  e,
} from 'm5'
export * from 'm6'
export { f } from 'm7'
const g = await import('m8')
type H = import('m9').H
`
    expect(importsOf(text).map(({ line, text }) => `${line} ${text}`)).toEqual([
      '1 m1',
      '2 m2',
      '3 m3',
      '4 m4',
      '5 m5',
      '9 m6',
      '10 m7',
      '11 m8',
      '12 m9',
    ])
  })

  test('takes no example in a comment and no string for an import', () => {
    const text = `/**\n * import a from 'm1'\n */\n// import b from 'm2'\nexport const c = "x from 'm3'"\nexport function d() {}\n`
    expect(importsOf(text)).toEqual([])
  })

  test('a glob in a string opens no comment', () => {
    const text = "const a = 'x/**/*.ts'\nimport b from 'm1'\nconst c = 'y/**/*.ts'\n"
    expect(importsOf(text)).toEqual([{ line: 2, text: 'm1' }])
  })
})

test('usesOf() finds a word with its line', () => {
  expect(usesOf('a\nb process.exit(1)\n', /\bprocess\.\w+/g)).toEqual([{ line: 2, text: 'process.exit' }])
})
