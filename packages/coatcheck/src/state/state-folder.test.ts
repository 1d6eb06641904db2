import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProgramError } from '../errors.ts'
import { stateFolder } from './state-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-state-'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

test.each([
  ['--state first', '/option', { COATCHECK_STATE: '/own', STATE_DIRECTORY: '/service' }, '/option'],
  ['a relative --state starts at the caller’s folder', 'here', {}, '/cwd/here'],
  ['then COATCHECK_STATE', undefined, { COATCHECK_STATE: '/own', STATE_DIRECTORY: '/service' }, '/own'],
  [
    'then the first of systemd’s folders',
    undefined,
    { STATE_DIRECTORY: '/service:/other', HOME: '/home/a' },
    '/service',
  ],
  ['then XDG_STATE_HOME', undefined, { XDG_STATE_HOME: '/xdg', HOME: '/home/a' }, '/xdg/coatcheck'],
  [
    'a relative XDG_STATE_HOME does not count',
    undefined,
    { XDG_STATE_HOME: 'xdg', HOME: '/h' },
    '/h/.local/state/coatcheck',
  ],
  ['empty variables do not count', undefined, { COATCHECK_STATE: '', HOME: '/h' }, '/h/.local/state/coatcheck'],
])('%s', (_rule, option, environment, path) => {
  expect(stateFolder(option, environment, '/cwd').path).toBe(path)
})

test('nothing is made before it is needed; then only the owner may enter', () => {
  const state = stateFolder(join(folder, 'a/b'), {}, '/')
  expect(existsSync(state.path)).toBe(false)
  expect(state.make()).toBe(state.path)
  expect(state.make()).toBe(state.path)
  expect(statSync(state.path).mode & 0o777).toBe(0o700)
})

test('a folder that cannot be made is an error with a remedy', () => {
  writeFileSync(join(folder, 'file'), '')
  const state = stateFolder(join(folder, 'file/b'), {}, '/')
  expect(() => state.make()).toThrow(ProgramError)
  expect(() => state.make()).toThrow(/cannot be made: EEXIST.*--state DIR/)
})

test('where the system lets nobody make a folder it is an error too, and not an endless try', () => {
  expect(() => stateFolder('/proc/coatcheck', {}, '/').make()).toThrow(/cannot be made: ENOENT/)
})
