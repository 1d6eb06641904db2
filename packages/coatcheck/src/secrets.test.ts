import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { largestValue, readText, readValue } from './secrets.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-secrets-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a value comes from where the model says', () => {
  writeFileSync(join(folder, 'password'), 'from a file\n')
  expect(readValue({ from: 'value', value: 'given' }).reveal().toString()).toBe('given')
  expect(readValue({ from: 'env', name: 'A' }, folder, { A: 'from outside' }).reveal().toString()).toBe('from outside')
  expect(readValue({ from: 'file', path: 'password' }, folder).reveal().toString()).toBe('from a file\n')
})

test.each([
  ['pass\n', 'pass'],
  ['pass\r\n', 'pass'],
  ['pass\n\n', 'pass\n'],
  [' pass ', ' pass '],
  ['\n', ''],
])('%j in a file is the text %j', (content, text) => {
  writeFileSync(join(folder, 'password'), content)
  expect(readText({ from: 'file', path: 'password' }, folder).reveal()).toBe(text)
  expect(readText({ from: 'value', value: content }).reveal()).toBe(content)
})

test('a value does not print', () => {
  const secret = readValue({ from: 'value', value: 'hunter2' })
  expect(`${secret} ${inspect(secret)} ${JSON.stringify({ secret })}`).not.toContain('hunter2')
})

test.each([
  ['environment-missing', { from: 'env', name: 'NOT_SET' }],
  ['environment-missing', { from: 'env', name: 'EMPTY' }],
  ['file-missing', { from: 'file', path: 'absent' }],
  ['file-missing', { from: 'file', path: 'large/below-a-file' }],
  ['file-unreadable', { from: 'file', path: 'folder' }],
  ['file-unreadable', { from: 'file', path: 'circle' }],
  ['file-too-large', { from: 'file', path: 'large' }],
] as const)('%s has a consequence and a remedy', (code, source) => {
  mkdirSync(join(folder, 'folder'))
  symlinkSync('circle', join(folder, 'circle'))
  writeFileSync(join(folder, 'large'), '')
  truncateSync(join(folder, 'large'), largestValue + 1)
  const read = () => readValue(source, folder, { EMPTY: '' })
  expect(read).toThrow(expect.objectContaining({ code }))
  expect(read).toThrow(
    expect.objectContaining({ consequence: expect.stringMatching(/./), remedy: expect.stringMatching(/./) }),
  )
})
