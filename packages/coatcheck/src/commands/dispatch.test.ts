import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native } from '@coatcheck/dialects'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { filesSource } from '../sources/files.ts'
import { runInProcess } from './fixtures/in-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-commands-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const coatcheck = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runInProcess(args, folder, environment)
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const said = expect.stringMatching(/\w/)
const good = `listeners: { web: 127.0.0.1:8080 }
routes: [{ name: app, match: { path: / }, upstream: http://127.0.0.1:3000 }]
`
const bad = good.replace('upstream:', 'upsteam:')

describe('usage', () => {
  test.each([
    [['chek'], 'There is no command "chek". Did you mean "check"?', '--help'],
    [['coatcheck.yaml'], 'Did you mean "--config coatcheck.yaml"?', '--help'],
    [['check', '--confg', 'a'], '"coatcheck check" has no option "--confg". Did you mean "--config"?', 'help check'],
    [['--stat', 'a'], '"coatcheck run" has no option "--stat". Did you mean "--state"?', 'help run'],
    [['check', '--dialect', 'nativ'], 'it reads native. Did you mean "native"?', 'help check'],
    [['check', '--dialect', 'kubernetes'], 'The dialect "kubernetes" is not one that this version reads', 'help check'],
    [['check', '--format', 'xml'], 'give text, json, github', 'help check'],
    [
      ['start'],
      'There is no command "start". There are run, protect, check, explain, translate, sessions, keys, schema, version, help.',
      '--help',
    ],
    [['--print'], 'has no option "--print". It is one of "coatcheck protect".', 'help run'],
    [['explain', 'http://a/', 'GET'], 'Did you mean "coatcheck explain GET http://a/"?', 'help explain'],
    [['explain', 'GET'], 'needs URL', 'help explain'],
    [['explain', 'GET', 'shop'], '"shop" is not a URL', 'help explain'],
    [['explain', 'G T', 'http://a/'], '"G T" is not a method', 'help explain'],
    [['explain', 'GET', 'http://a/', '-H', 'nothing'], '"nothing" is not a header', 'help explain'],
    [['protect', '3000'], 'Did you mean "http://localhost:3000"?', 'help protect'],
    [['protect', 'localhost:3000'], 'Did you mean "http://localhost:3000"?', 'help protect'],
    [['protect', 'http://localhost:3000/app'], 'a host and a port, no more: http://localhost:3000', 'help protect'],
    [['protect', 'http://localhost:3000', '--port', '70000'], '"70000" is not a port', 'help protect'],
    [['--log-level', 'loud'], 'give debug, info, warn, error', 'help run'],
    [['help', 'chek'], 'Did you mean "check"?', '--help'],
  ])('%j ends with 2 and says what was meant', async (args, message, more) => {
    const { status, stdout, stderr } = await coatcheck(args)
    expect(stderr).toContain(message)
    expect(stderr).toContain(`More: coatcheck ${more}\n`)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test('a level in the environment that is none is wrong usage', async () => {
    write('coatcheck.yaml', good)
    const { status, stderr } = await coatcheck([], { COATCHECK_LOG_LEVEL: 'loud' })
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('COATCHECK_LOG_LEVEL is "loud"'),
    })
  })
})

describe('help', () => {
  test.each([[['--help']], [['-h']], [['help']]])('%j lists every command', async (args) => {
    const { status, stdout, stderr } = await coatcheck(args)
    const sessions = ['sessions list', 'sessions show ID', 'sessions end \\[ID\\]', 'keys generate']
    for (const name of [
      'run',
      'protect URL',
      'check',
      'explain METHOD URL',
      'translate',
      ...sessions,
      'schema',
      'version',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +[A-Z]`, 'm'))
    }
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('a command explains itself in three ways, all the same', async () => {
    const [first, ...others] = await Promise.all(
      [
        ['help', 'check'],
        ['check', '--help'],
        ['check', '-h'],
      ].map((args) => coatcheck(args)),
    )
    expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining('--format FORMAT') })
    expect(others).toEqual([first, first])
  })
})

describe('check', () => {
  test('a good file ends with 0', async () => {
    write('coatcheck.yaml', good)
    expect(await coatcheck(['check'])).toEqual({ status: 0, stdout: '0 errors, 0 warnings in 1 file\n', stderr: '' })
  })

  test('a bad one ends with 1, and shows the place', async () => {
    write('coatcheck.yaml', bad)
    const { status, stdout } = await coatcheck(['check'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^coatcheck\.yaml:2:\d+ {2}error {2}field-unknown\n {2}.*\n {2}.*Did you mean "upstream"/m)
    expect(stdout).toMatch(/\n\d errors?, 0 warnings in 1 file\n$/)
  })

  test('warnings alone are shown, counted, and end with 0', async () => {
    write('coatcheck.yaml', `${good}sessions: { default: { mode: enforce, cookie: { secure: false } } }\n`)
    const { status, stdout } = await coatcheck(['check'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^coatcheck\.yaml:3:\d+ {2}warning {2}/m)
    expect(stdout).toMatch(/\n0 errors, [1-9] warnings? in 1 file\n$/)
  })

  test('ten mistakes are ten diagnostics', async () => {
    write(
      'coatcheck.yaml',
      `nonsense: 1
workers: many
listeners:
  web: { address: "127.0.0.1:8443", tls: { certificate: absent.crt, key: absent.key } }
keys:
  k1: { file: absent.k1 }
sessions:
  default: { mode: sometimes, timeouts: { idle: soon } }
routes:
  - { name: a, match: { path: nowhere }, upstream: http://127.0.0.1:3000 }
  - { name: b, match: { path: /b }, upsteam: http://127.0.0.1:3000 }
  - { name: c, match: { path: /c }, upstream: http://127.0.0.1:3000, redirct: 1 }
`,
    )
    const { status, stdout } = await coatcheck(['check', '--format', 'json'])
    const { errors, diagnostics } = JSON.parse(stdout)
    expect(status).toBe(1)
    expect(errors).toBe(10)
    expect(diagnostics).toHaveLength(10)
    for (const one of diagnostics) {
      expect(one).toMatchObject({ place: { file: 'coatcheck.yaml' }, consequence: said, remedy: said })
    }
  })

  test('GitHub’s format is annotations', async () => {
    write('coatcheck.yaml', bad)
    const { status, stdout } = await coatcheck(['check', '--format', 'github'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^::error file=coatcheck\.yaml,line=2,col=\d+,title=field-unknown::.*%0A/)
  })

  test('the configuration comes from --config, else COATCHECK_CONFIG, else coatcheck.yaml', async () => {
    mkdirSync(join(folder, 'conf'))
    write('conf/a.yaml', good)
    write('bad.yaml', bad)
    expect((await coatcheck(['check'])).stdout).toContain('There is no configuration file "coatcheck.yaml".')
    expect((await coatcheck(['check'], { COATCHECK_CONFIG: 'conf' })).status).toBe(0)
    expect((await coatcheck(['check', '-c', 'bad.yaml'], { COATCHECK_CONFIG: 'conf' })).status).toBe(1)
    expect((await coatcheck(['check', '--config', 'conf', '--config', 'bad.yaml'])).stdout).toContain('in 2 files')
  })
})

describe('run', () => {
  test.each([[[]], [['run']]])(
    '%j with errors starts nothing, tells them on standard error, ends with 1',
    async (args) => {
      write('coatcheck.yaml', bad)
      const { status, stdout, stderr } = await coatcheck(args)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toContain('field-unknown')
      expect(stderr).toMatch(/; nothing was started\n$/)
    },
  )
})

describe('translate', () => {
  test('prints YAML that means the same', async () => {
    write('coatcheck.yaml', good)
    const { status, stdout, stderr } = await coatcheck(['translate'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    write('printed.yaml', stdout)
    expect(await modelOf('printed.yaml')).toEqual(await modelOf('coatcheck.yaml'))
  })

  test('prints the model as JSON, without the folder it lies in', async () => {
    write('coatcheck.yaml', `${good}keys: { k1: { file: k1.key } }\n`)
    write('k1.key', 'ab'.repeat(32))
    const { stdout } = await coatcheck(['translate', '--format', 'json'])
    expect(JSON.parse(stdout).keys).toEqual([{ id: 'k1', value: { from: 'file', path: 'k1.key' } }])
  })

  test('puts problems on standard error and ends with 1', async () => {
    write('coatcheck.yaml', bad)
    const { status, stderr } = await coatcheck(['translate'])
    expect(status).toBe(1)
    expect(stderr).toContain('field-unknown')
  })
})

async function modelOf(path: string) {
  const source = filesSource({ paths: [path], dialect: native, environment: {}, cwd: folder })
  const { model, diagnostics } = await source.load()
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return JSON.parse(JSON.stringify(model))
}

test('schema prints a JSON Schema', async () => {
  const { status, stdout } = await coatcheck(['schema'])
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' })
  const elsewhere = await coatcheck(['schema', '--documentation', 'https://docs.example/configuration'])
  expect(elsewhere.stdout).toContain('See https://docs.example/configuration#routes')
  expect(elsewhere.stdout).not.toContain('configuration.md')
})

test('version names the version and the Node', async () => {
  expect((await coatcheck(['version'])).stdout).toMatch(/^coatcheck \d+\.\d+\.\d+ \(.*node v\d+.*\)\n$/)
  expect(await coatcheck(['--version'])).toEqual(await coatcheck(['version']))
  expect(JSON.parse((await coatcheck(['version', '--format', 'json'])).stdout)).toMatchObject({ node: process.version })
})

describe('explain', () => {
  test('says which route takes a request', async () => {
    write('coatcheck.yaml', good)
    const { status, stdout } = await coatcheck(['explain', 'GET', 'http://localhost:8080/x', '-H', 'X-Beta: 1'])
    expect(status).toBe(0)
    expect(stdout).toContain('app')
    expect(JSON.parse((await coatcheck(['explain', 'GET', 'http://a/x', '--format', 'json'])).stdout)).toBeTypeOf(
      'object',
    )
  })

  test('takes the listener that is named, and knows no other', async () => {
    write('coatcheck.yaml', good)
    const named = await coatcheck(['explain', '--listener', 'web', 'GET', 'https://localhost:9/x'])
    expect(named.stdout).toContain('Through listener "web"')
    const { status, stderr } = await coatcheck(['explain', '--listener', 'wbe', 'GET', 'http://localhost:8080/x'])
    expect(stderr).toContain('The configuration has no listener "wbe"; it has web. Did you mean "web"?')
    expect(status).toBe(2)
  })

  test('explains nothing of a configuration with errors', async () => {
    write('coatcheck.yaml', bad)
    const { status, stdout, stderr } = await coatcheck(['explain', 'GET', 'http://localhost:8080/x'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('field-unknown')
  })
})
