import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { native } from '@coatcheck/dialects'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { filesSource, textSource } from './files.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const source = (paths: readonly string[], environment = {}) =>
  filesSource({ paths, dialect: native, environment, cwd: folder, times: { settle: 20, poll: 2 ** 30 } })
const load = (...paths: string[]) => source(paths).load()
const codes = async (...paths: string[]) => (await load(...paths)).diagnostics.map(({ code }) => code)

const listener = 'listeners: { web: 127.0.0.1:8080 }\n'
const route = (name: string) =>
  `routes: [{ name: ${name}, match: { path: /${name} }, upstream: http://127.0.0.1:3000 }]\n`
const whole = listener + route('app')

describe('files and folders', () => {
  test('a file is named as the user named it', async () => {
    write('conf/a.yaml', whole)
    const loaded = await load('conf/a.yaml')
    expect(loaded.diagnostics).toEqual([])
    expect(loaded.files).toEqual(['conf/a.yaml'])
    expect(loaded.placeOf('/routes/0')?.file).toBe('conf/a.yaml')
  })

  test('a folder’s files are merged in the order of their names', async () => {
    write('conf/20.yml', route('b'))
    write('conf/10.yaml', listener + route('a'))
    write('conf/.hidden.yaml', 'nonsense: 1')
    write('conf/notes.txt', 'nonsense')
    const loaded = await load('conf')
    expect(loaded.diagnostics).toEqual([])
    expect(loaded.files).toEqual(['conf/10.yaml', 'conf/20.yml'])
    expect(loaded.model?.routes.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test('a byte order mark is no content', async () => {
    write('a.yaml', `\ufeff${whole}`)
    expect(await codes('a.yaml')).toEqual([])
  })

  test.each([
    ['config-missing', 'absent.yaml'],
    ['config-missing', 'a.yaml/below'],
    ['config-folder-empty', 'empty'],
    ['config-not-text', 'binary.yaml'],
    ['config-unreadable', 'huge.yaml'],
  ])('%s is told beside the problems of the other files, and nothing is run', async (code, path) => {
    mkdirSync(join(folder, 'empty'))
    write('a.yaml', `${whole}nonsense: 1\n`)
    write('binary.yaml', new Uint8Array([0xff, 0xfe, 0x00]))
    write('huge.yaml', new Uint8Array(9 * 1024 * 1024))
    const loaded = await load(path, 'a.yaml')
    expect(loaded.diagnostics.map((one) => one.code)).toEqual([code, 'field-unknown'])
    expect(loaded.model).toBeUndefined()
  })
})

describe('diagnostics', () => {
  test('of all stages are told at once, sorted by file and place', async () => {
    write('b.yaml', `${whole}keys: { k1: { file: absent.key } }\n`)
    write('a.yaml', 'sessions: { default: { store: missing } }\nnonsense: 1\n')
    const { diagnostics } = await load('b.yaml', 'a.yaml')
    expect(diagnostics.map(({ place, code }) => `${place?.file}:${place?.line} ${code}`)).toEqual([
      'a.yaml:1 store-unknown',
      'a.yaml:2 field-unknown',
      'b.yaml:3 file-missing',
    ])
  })

  test('a value that is missing, and a key that is none, are told with their place', async () => {
    write('short.key', 'abc')
    write('a.yaml', `${whole}keys:\n  k1: { file: short.key }\n  k2: { env: NOT_SET }\n  k3: { file: absent.key }\n`)
    const { diagnostics } = await load('a.yaml')
    expect(diagnostics.map(({ place, code }) => `${place?.line} ${code}`)).toEqual([
      '4 key-invalid',
      '5 environment-missing',
      '6 file-missing',
    ])
  })
})

describe('references', () => {
  const key = 'ab'.repeat(32)

  test('a relative path starts at the folder of the file that names it', async () => {
    write('one/a.yaml', `${whole}keys: { k1: { file: k.key } }\n`)
    write('one/k.key', key)
    write('two/b.yaml', 'keys: { k2: { file: k.key } }\n')
    write('two/k.key', key)
    const { model, diagnostics, translation } = await load('one/a.yaml', 'two/b.yaml')
    expect(diagnostics).toEqual([])
    expect(model?.keys.map(({ value }) => value)).toEqual([
      { from: 'file', path: join(folder, 'one/k.key') },
      { from: 'file', path: join(folder, 'two/k.key') },
    ])
    expect(translation.model?.keys[0]?.value).toEqual({ from: 'file', path: 'k.key' })
  })

  test('plain values come from the environment and from files beside the configuration', async () => {
    write('conf/a.yaml', `${whole}name: { file: name.txt }\nworkers: { env: WORKERS }\n`)
    write('conf/name.txt', 'shop\n')
    const { model, diagnostics } = await source(['conf/a.yaml'], { WORKERS: '3' }).load()
    expect(diagnostics).toEqual([])
    expect(model).toMatchObject({ name: 'shop', workers: 3 })
  })
})

describe('the revision', () => {
  const revision = async () => (await load('a.yaml')).revision

  test('is the same for the same meaning, and says nothing of where it lies', async () => {
    write('a.yaml', whole)
    const before = await revision()
    expect(before).toMatch(/^[0-9a-f]{12}$/)
    write('a.yaml', `# a comment\n${whole}`)
    expect(await revision()).toBe(before)
    write('elsewhere/a.yaml', whole)
    expect((await load('elsewhere/a.yaml')).revision).toBe(before)
  })

  test('changes with the model, and with a file that it names', async () => {
    write('k.key', 'ab'.repeat(32))
    write('a.yaml', `${whole}keys: { k1: { file: k.key } }\n`)
    const first = await revision()
    write('k.key', 'cd'.repeat(32))
    const second = await revision()
    write('a.yaml', `${whole}workers: 2\nkeys: { k1: { file: k.key } }\n`)
    expect(new Set([first, second, await revision()]).size).toBe(3)
  })
})

test('a header’s value in a file is no part of the model, and changes the revision', async () => {
  const headers = 'headers: { request: { set: { Authorization: { file: v.txt } } } }, match'
  write('conf/v.txt', 'sesame1\n')
  write('conf/a.yaml', whole.replace('match', headers))
  const first = await load('conf/a.yaml')
  expect(JSON.stringify(first)).not.toContain('sesame')
  expect(first.model?.routes[0]?.middleware).toMatchObject([
    { request: { set: [{ name: 'Authorization', value: { from: 'file', path: join(folder, 'conf/v.txt') } }] } },
  ])
  write('conf/v.txt', 'sesame2\n')
  expect((await load('conf/a.yaml')).revision).not.toBe(first.revision)
})

describe('watch()', () => {
  test.each([
    ['the configuration', () => write('a.yaml', `${whole}workers: 2\n`)],
    ['a key that it names', () => write('keys/k.key', 'cd'.repeat(32))],
    [
      'a file that it takes a value from',
      () => {
        write('new', 'other')
        renameSync(join(folder, 'new'), join(folder, 'name.txt'))
      },
    ],
  ])('tells of a change of %s', async (_what, change) => {
    write('keys/k.key', 'ab'.repeat(32))
    write('name.txt', 'shop')
    write('a.yaml', `${whole}name: { file: name.txt }\nkeys: { k1: { file: keys/k.key } }\n`)
    const files = source(['a.yaml'])
    await files.load()
    let stop: () => void = () => {}
    await new Promise<void>((changed) => {
      stop = files.watch(changed)
      change()
    })
    stop()
  })

  test('follows what the newest load refers to', async () => {
    write('k.key', 'ab'.repeat(32))
    write('a.yaml', whole)
    const files = source(['a.yaml'])
    await files.load()
    let wake: () => void = () => {}
    const stop = files.watch(() => wake())
    const told = (change: () => void) =>
      new Promise<void>((resolve) => {
        wake = resolve
        change()
      })
    await told(() => write('a.yaml', `${whole}keys: { k1: { file: k.key } }\n`))
    await files.load()
    await told(() => write('k.key', 'cd'.repeat(32)))
    stop()
  })
})

test('a text of the program’s own is loaded like a file, and never changes', async () => {
  const own = textSource({ name: 'own.yaml', text: whole }, { dialect: native, environment: {}, cwd: folder })
  write('a.yaml', whole)
  expect((await own.load()).model).toEqual((await load('a.yaml')).model)
})
