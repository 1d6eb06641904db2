/** The program as a process: exit codes, and what goes to which stream. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-program-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function coatcheck(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: folder }
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}
const write = (text: string) => writeFileSync(join(folder, 'coatcheck.yaml'), text)
const good = `internal: off
listeners: { web: 127.0.0.1:0 }
routes: [{ name: app, match: { path: / }, upstream: http://127.0.0.1:3000 }]
`

test('0: fine', () => {
  write(good)
  expect(coatcheck('check')).toEqual({ status: 0, stdout: '0 errors, 0 warnings in 1 file\n', stderr: '' })
})

test.skipIf(!existsSync('/dev/full'))('70: what is said cannot be written', () => {
  write(good)
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [program, 'check'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  expect({ status, stderr }).toEqual({ status: 70, stderr: 'coatcheck: standard output cannot be written: ENOSPC\n' })
})

test('1: the configuration has errors, and nothing is started', () => {
  write(good.replace('upstream:', 'upsteam:'))
  expect(coatcheck()).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/field-unknown[\s\S]*; nothing was started\n$/),
  })
})

test('70: the configuration is right and cannot be run here', () => {
  write(`${good}stores: { main: sqlite }\nsessions: { default: { mode: enforce, store: main } }\n`)
  writeFileSync(join(folder, 'file'), '')
  const { status, stdout, stderr } = coatcheck('run', '--state', 'file/state')
  expect({ status, stdout }).toEqual({ status: 70, stdout: '' })
  expect(stderr).toContain('state-folder-unusable')
})

test.each([1, 2])('70: the file of a store is no database, workers: %i', (workers) => {
  write(`workers: ${workers}\n${good}stores: { main: sqlite }\nsessions: { default: { mode: enforce, store: main } }\n`)
  mkdirSync(join(folder, 'state'), { recursive: true })
  writeFileSync(join(folder, 'state', 'sessions-main.db'), 'no database '.repeat(100))
  const { status, stderr } = coatcheck('run', '--state', 'state')
  expect(stderr).toContain('ERR_STORE_UNAVAILABLE')
  expect(status).toBe(70)
})

test('2: wrong usage', () => {
  expect(coatcheck('chek')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'coatcheck: There is no command "chek". Did you mean "check"?\nMore: coatcheck --help\n',
  })
})

const deadNames = fileURLToPath(new URL('fixtures/dead-names.ts', import.meta.url))

/** Where a lookup of a name goes on for ever. */
function withDeadNames() {
  const FIFO = join(folder, 'fifo')
  spawnSync('mkfifo', [FIFO])
  const env = { PATH: process.env.PATH, HOME: folder, FIFO, PASSWORD: 'pw' }
  const store = 'stores: { main: { redis: { standalone: redis.example } } }\n'
  write(`name: shop\n${good}${store}sessions: { default: { mode: enforce, store: main } }\n`)
  return { cwd: folder, env }
}

test.each([
  ['check', 'name-server-silent', 1],
  ['sessions list', 'redis.example', 70],
])('a name server that is silent: "%s" says so and ends', (command, words, code) => {
  const { cwd, env } = withDeadNames()
  const args = ['--import', deadNames, program, ...command.split(' ')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 30_000 })
  expect(stdout + stderr).toContain(words)
  expect(status).toBe(code)
})

test.each([1, 2])('a name server that is silent: SIGTERM ends a gateway, workers: %i', async (workers) => {
  const { cwd, env } = withDeadNames()
  write(`workers: ${workers}\n${readFileSync(join(folder, 'coatcheck.yaml'))}`)
  const child = spawn(process.execPath, ['--import', deadNames, program, 'run', '--state', 'state'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', (chunk) => {
    if (!child.killed && String(chunk).includes('Serving')) child.kill('SIGTERM')
  })
  const late = setTimeout(() => child.kill('SIGKILL'), 40_000)
  expect(await once(child, 'exit')).toEqual([0, null])
  clearTimeout(late)
})

test('who reads only the beginning is no failure', async () => {
  const child = spawn(process.execPath, [program, 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

test('a second start keeps the key that the first one made', async () => {
  write(`${good}stores: { main: sqlite }\nsessions: { default: { mode: enforce, store: main } }\n`)
  const [first, second] = [await served('--state', 'state'), await served('--state', 'state')]
  expect(first).toContain('Made a server key')
  expect(second).not.toContain('Made a server key')
})

/** Starts, waits until requests are served, stops; what was logged. */
async function served(...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder }
  const child = spawn(process.execPath, [program, 'run', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
    if (!child.killed && log.includes('Serving')) child.kill('SIGTERM')
  })
  const [code] = await once(child, 'exit')
  expect({ code, log }).toMatchObject({ code: 0 })
  return log
}
