import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-ci-'))
  mkdirSync(join(folder, '.ci'))
  copyFileSync(fileURLToPath(new URL('../.ci/run', import.meta.url)), join(folder, '.ci/run'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs `.ci/run` over a `make test` that does `recipe`. */
function run(recipe: string) {
  writeFileSync(join(folder, 'Makefile'), `test:\n\t@mkdir -p .make; ${recipe}\n`)
  const { status, output } = spawnSync(join(folder, '.ci/run'), { encoding: 'utf8' })
  return { status, last: output[1]!.trimEnd().split('\n').at(-1) }
}

test('the last line is the summary, and 0 means that nothing failed', () => {
  expect(run('echo "3 passed, 0 failed" | tee .make/summary')).toEqual({ status: 0, last: '3 passed, 0 failed' })
})

test('a failure ends with the summary too, and not with 0', () => {
  const { status, last } = run('echo "3 passed, 1 failed" > .make/summary; echo noise; exit 1')
  expect(last).toBe('3 passed, 1 failed')
  expect(status).not.toBe(0)
})

test('no summary is a failure, whatever make says; an old one does not count', () => {
  run('echo "3 passed, 0 failed" > .make/summary')
  expect(run('exit 1')).toEqual({ status: 1, last: '0 passed, 1 failed' })
  expect(run('true')).toEqual({ status: 1, last: '0 passed, 1 failed' })
})
