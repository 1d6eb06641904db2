import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type GatewayModel, Secret } from '@coatcheck/model'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keptKeys, keyFileName, parseKeyFile } from './key-file.ts'
import { parseKey, serverKeys } from './keyring.ts'
import { type StateFolder, stateFolder } from './state-folder.ts'

let folder: string
let state: StateFolder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-keys-'))
  state = stateFolder(join(folder, 'state'), {}, '/')
})
afterEach(() => rmSync(folder, { recursive: true }))

const keyFile = () => join(state.path, keyFileName)
const hex = (keys: readonly { readonly id: string; readonly bytes: Uint8Array }[]) =>
  keys.map(({ id, bytes }) => `${id} ${Buffer.from(bytes).toString('hex')}`)

const model = (store: 'memory' | 'sqlite' | 'sealed-cookie', mode = 'enforce', keys: GatewayModel['keys'] = []) =>
  ({ keys, stores: [{ kind: store, name: 'main' }], sessions: [{ name: 'default', mode, store: 'main' }] }) as never

describe('serverKeys()', () => {
  test.each(['sqlite', 'sealed-cookie'] as const)('a %s store gets a key that outlives the process', (store) => {
    const first = serverKeys(model(store), state)
    expect(first.keys[0]?.bytes).toHaveLength(32)
    expect(hex(serverKeys(model(store), state).keys)).toEqual(hex(first.keys))
  })

  test('a made key is told once', () => {
    expect(serverKeys(model('sqlite'), state).told).toContain(keyFile())
    expect(serverKeys(model('sqlite'), state).told).toBeUndefined()
  })

  test('sessions in memory, or none at all, touch no file', () => {
    for (const one of [model('memory'), model('sqlite', 'off')]) {
      const keys = serverKeys(one, state).keys
      expect(keys).toHaveLength(1)
      expect(hex(serverKeys(one, state).keys)).toEqual(hex(keys))
    }
    expect(readdirSync(folder)).toEqual([])
  })

  test('configured keys are taken in their order, and no file is touched', () => {
    writeFileSync(join(folder, 'k1'), `${'00'.repeat(16)}\n`)
    const keys = [
      { id: 'k2', value: { from: 'value', value: 'ff'.repeat(32) } },
      { id: 'k1', value: { from: 'file', path: join(folder, 'k1') } },
    ] as const
    expect(hex(serverKeys(model('sqlite', 'enforce', keys), state).keys)).toEqual([
      `k2 ${'ff'.repeat(32)}`,
      `k1 ${'00'.repeat(16)}`,
    ])
    expect(readdirSync(folder)).toEqual(['k1'])
  })
})

test('a key that is none is refused without being shown', () => {
  expect(() => parseKey('k1', new Secret(Buffer.from('hunter2hunter2')))).toThrow(/"k1" has 14 bytes.*openssl rand/)
  expect(() => parseKey('k1', new Secret(Buffer.from('hunter2hunter2')))).not.toThrow(/hunter2/)
})

describe('the key file', () => {
  test('only its owner may read it, and no draft stays', () => {
    keptKeys(state)
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
    expect(statSync(state.path).mode & 0o777).toBe(0o700)
    expect(readdirSync(state.path)).toEqual([keyFileName])
  })

  test('processes that start at once all get the same key, and one of them tells', async () => {
    const program = `
      const { keptKeys } = await import(${JSON.stringify(new URL('./key-file.ts', import.meta.url).href)})
      const path = ${JSON.stringify(state.path)}
      const { mkdirSync } = await import('node:fs')
      const { keys, told } = keptKeys({ path, make: () => (mkdirSync(path, { recursive: true, mode: 0o700 }), path) })
      console.log(JSON.stringify({ key: Buffer.from(keys[0].bytes).toString('hex'), told: told !== undefined }))`
    const starts = Array.from({ length: 6 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]),
    )
    const results = (await Promise.all(starts)).map(({ stdout }) => JSON.parse(stdout))
    expect(new Set(results.map(({ key }) => key)).size).toBe(1)
    expect(results.filter(({ told }) => told)).toHaveLength(1)
    expect(readdirSync(state.path)).toEqual([keyFileName])
  })

  test.each([
    ['empty', '', 'it holds no key'],
    ['cut short', 'k1 AAAA\n', 'key 1 is not an id and a key'],
    ['without an id', `${'00'.repeat(32)}\n`, 'key 1 is not an id and a key'],
    ['with an id twice', `k1 ${'00'.repeat(32)}\nk1 ${'11'.repeat(32)}\n`, 'a key id is in it twice'],
    ['of other bytes', '\0\0\0\0', 'key 1 is not an id and a key'],
    ['far too long', 'k1 '.padEnd(100_000, 'A'), 'it is far too long'],
  ])('one that is %s is an error, and stays as it is', (_what, text, why) => {
    mkdirSync(state.path)
    writeFileSync(keyFile(), text)
    expect(() => keptKeys(state)).toThrow(why)
    expect(() => keptKeys(state)).toThrow(/end every session.*backup/)
    expect(readFileSync(keyFile(), 'utf8')).toBe(text)
  })

  test('one that cannot be read is an error, and nothing takes its place', () => {
    mkdirSync(keyFile(), { recursive: true })
    expect(() => keptKeys(state)).toThrow(/cannot be read: EISDIR/)
  })

  test('one that everybody can read is told at every start', () => {
    keptKeys(state)
    chmodSync(keyFile(), 0o644)
    expect(keptKeys(state).told).toContain('chmod 600')
    chmodSync(keyFile(), 0o660)
    expect(keptKeys(state).told).toBeUndefined()
  })

  test('several keys are read, the first one first', () => {
    const text = `# comment\nk2 ${'11'.repeat(32)}\n\nk1 ${'00'.repeat(16)}\n`
    expect(hex(parseKeyFile(text, 'keys'))).toEqual([`k2 ${'11'.repeat(32)}`, `k1 ${'00'.repeat(16)}`])
  })
})
