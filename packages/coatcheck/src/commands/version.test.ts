import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ownVersion } from './version.ts'

const commit = '0123456789abcdef0123456789abcdef01234567'
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coatcheck-version-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function packageAt(path: string, manifest: object): string {
  const folder = join(root, path)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.2.3', ...manifest }))
  return folder
}

function git(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, '.git', path, '..'), { recursive: true })
    writeFileSync(join(root, '.git', path), text)
  }
}

test('a published package carries its commit', () => {
  expect(ownVersion(packageAt('node_modules/coatcheck', { gitHead: commit }))).toEqual({
    version: '1.2.3',
    revision: '0123456789ab',
  })
})

test.each([
  ['detached', { HEAD: `${commit}\n` }],
  ['on a branch', { HEAD: 'ref: refs/heads/main\n', 'refs/heads/main': `${commit}\n` }],
  ['on a packed branch', { HEAD: 'ref: refs/heads/main\n', 'packed-refs': `# packed\n${commit} refs/heads/main\n` }],
])('a checkout that is %s has it in .git', (_state, files) => {
  git(files)
  expect(ownVersion(packageAt('packages/coatcheck', {})).revision).toBe('0123456789ab')
})

test('the commit of somebody’s own repository is not ours', () => {
  git({ HEAD: commit })
  expect(ownVersion(packageAt('node_modules/coatcheck', {})).revision).toBeUndefined()
})

test('no commit is known without git, or before the first one', () => {
  expect(ownVersion(packageAt('packages/coatcheck', {})).revision).toBeUndefined()
  git({ HEAD: 'ref: refs/heads/main\n' })
  expect(ownVersion(packageAt('packages/coatcheck', {})).revision).toBeUndefined()
})
