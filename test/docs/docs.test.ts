/**
 * Every command and configuration in the documentation is run. A block in a language that no rule here knows, or a
 * command that no rule here runs, fails: there is no way to write something down that nobody tries.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { makeCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { testStandalone } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { freePort } from '../running/free-port.ts'
import { program, root, temporaryFolder } from '../running/gateway.ts'
import { allBlocks, type Block, documents } from './blocks.ts'
import { announced, compileModules, runModule } from './modules.ts'

const blocks = allBlocks()
const shown = new Set(['text', 'json', 'http', 'diff'])
const known = new Set(['yaml', 'sh', 'ts', ...shown])

/** What a fragment is merged into, to be a whole configuration. */
const base = {
  name: 'docs',
  listeners: { web: '127.0.0.1:8080' },
  sessions: { default: {} },
  upstreams: { app: { urls: ['http://127.0.0.1:3000'] } },
  routes: [{ name: 'app', match: '/', upstream: 'app' }],
}

test('every block says its language, and it is one that is tried', () => {
  const unknown = blocks
    .filter(({ language }) => !known.has(language))
    .map(({ place, language }) => `${place} ${language}`)
  expect(unknown).toEqual([])
})

test('every JSON block parses', () => {
  for (const { text, language } of blocks) if (language === 'json') JSON.parse(text)
})

describe('configurations pass `coatcheck check`', () => {
  test.each(blocks.filter(({ language }) => language === 'yaml'))('$place', async (block) => {
    const folder = await folderWith(configurationOf(block))
    const { status, stdout, stderr } = run(['check', '--no-probe', '--config', 'coatcheck.yaml'], folder)
    expect(`${status}\n${stdout}${stderr}`).toMatch(/^0\n/)
  })
})

describe('the JSON Schema accepts what is written', () => {
  const { stdout } = run(['schema'], root)
  const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(JSON.parse(stdout))

  test.each(blocks.filter(({ language }) => language === 'yaml'))('$place', (block) => {
    validate(parse(configurationOf(block)))
    expect(validate.errors ?? []).toEqual([])
  })

  test('examples/demo/coatcheck.yaml', () => {
    validate(parse(readFileSync(join(root, 'examples/demo/coatcheck.yaml'), 'utf8')))
    expect(validate.errors ?? []).toEqual([])
  })
})

describe('commands do what they say', () => {
  const commands = blocks.filter(({ language }) => language === 'sh').flatMap(commandsOf)
  test.each(commands)(
    '$place $command',
    async ({ command, configuration }) => {
      const rule = rules.find(([pattern]) => pattern.test(command))
      expect(rule, `no rule runs this command: ${command}`).toBeDefined()
      await rule![1](command, configuration)
    },
    60_000,
  )
})

describe('modules compile and run', () => {
  const modules = blocks.filter(({ language }) => language === 'ts')
  test('they compile', () => expect(compileModules(modules)).toBe(''))
  test.each(modules)('$place', (block) => {
    const said = runModule(block)
    expect(said).toMatch(/^0\n/)
    // One logged value after the other, as the comments beside them say.
    expect(said.replaceAll(/\n+/g, '\n')).toBe(`0\n${announced(block)}`)
  })
})

describe('links inside the project lead somewhere', () => {
  test.each(documents())('%s', (file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const broken = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(join(root, dirname(file), target)))
    expect(broken).toEqual([])
  })
})

interface Command {
  readonly place: string
  readonly command: string
  /** The configuration that stands above the command in its document. */
  readonly configuration: string
}

function commandsOf(block: Block): Command[] {
  const above = blocks
    .slice(0, blocks.indexOf(block))
    .findLast((one) => one.file === block.file && one.language === 'yaml')
  const configuration = above ? configurationOf(above) : stringify(base)
  const lines = block.text.replaceAll(/\\\n\s*/g, ' ').split('\n')
  const commands = lines
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  return commands.map((command) => ({ place: block.place, command, configuration }))
}

type Rule = readonly [RegExp, (command: string, configuration: string) => void | Promise<void>]

const rules: readonly Rule[] = [
  // These run this very test, take minutes, or are another test's work; that the Makefile has them is what is left to hold.
  [/^make (test|start|bench|check|format)$/, (command) => expect(makefile()).toContain(`\n${command.slice(5)}:`)],
  [/^\.\/coatcheck( run)?( --.*)?$|^\.\/coatcheck protect http:\/\/localhost:3000( --port \d+)?$/, startsAndStops],
  [/^\.\/coatcheck sessions /, looksIntoRedis],
  [/^\.\/coatcheck keys generate\b/, makesKey],
  [/^\.\/coatcheck (check|explain|translate|schema|version|protect|--help|help)\b/, succeeds],
]

function makefile(): string {
  return `\n${readFileSync(join(root, 'Makefile'), 'utf8')}`
}

async function succeeds(command: string, configuration: string): Promise<void> {
  const { status, stdout, stderr } = run(words(command), await folderWith(configuration))
  expect(`${status}\n${stderr}`).toMatch(/^0\n/)
  expect(stdout).not.toBe('')
}

async function looksIntoRedis(command: string): Promise<void> {
  await using server = await testStandalone()
  const store = { redis: { standalone: `127.0.0.1:${server.port}` } }
  const sessions = { default: { mode: 'enforce', store: 'main' } }
  const { status, stdout, stderr } = run(
    words(command),
    await folderWith(stringify({ ...base, stores: { main: store }, sessions })),
  )
  // There is none in it to be shown.
  if (command.includes(' show ')) expect(`${status} ${stderr}`).toMatch(/^1 There is no session/)
  else expect(`${status} ${stderr}`).toBe('0 ')
  if (command.includes(' end ')) expect(stdout).toBe('Ended 0 sessions.\n')
}

async function makesKey(command: string): Promise<void> {
  const folder = await temporaryFolder()
  expect(run(words(command), folder).status).toBe(0)
  expect(readFileSync(join(folder, 'k1.key'), 'utf8')).toMatch(/^[\w+/]{43}=\n$/)
}

async function startsAndStops(command: string, configuration: string): Promise<void> {
  const port = await freePort()
  const internal = await freePort()
  const moved = { ...parse(configuration), internal: { address: `127.0.0.1:${internal}` } }
  const folder = await folderWith(stringify(moved).replaceAll(/:(8080|8443)\b/g, `:${port}`))
  const own = words(command).map((word) => (word === '8080' ? String(port) : word))
  const extra = own[0] === 'protect' && !own.includes('--port') ? ['--port', String(port)] : []
  const child = spawn(process.execPath, [program, ...own, ...extra], { cwd: folder, env: environment(folder) })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  const [listener] = Object.values<string | object>(moved.listeners ?? {})
  const scheme = typeof listener === 'object' && 'tls' in listener ? 'tls' : 'http'
  await accepts(port, () => `${child.exitCode} ${log}`, scheme)
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  expect(`${code} ${log}`).toMatch(/^0 /)
}

async function accepts(port: number, log: () => string, scheme: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const error = await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' }).then(
      () => undefined,
      (reason: Error & { cause?: { code?: string } }) => reason.cause?.code,
    )
    if (error === undefined || (scheme === 'tls' && error !== 'ECONNREFUSED')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on ${port}: ${log()}`)
}

const words = (command: string) =>
  [...command.replace(/^\.\/coatcheck\s*/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, a, b, c]) => a ?? b ?? c!,
  )

function run(argumentsOf: readonly string[], folder: string) {
  return spawnSync(process.execPath, [program, ...argumentsOf], {
    cwd: folder,
    encoding: 'utf8',
    env: environment(folder),
  })
}

/** What the examples ask the environment for. */
const stage = {
  APP_URL: 'http://127.0.0.1:3000',
  ADDRESS: '127.0.0.1:8080',
  IDLE: '1m',
  DATABASE: 'stage.db',
  PUBLIC_HOST: 'shop.example.com',
  REDIS_URL: 'rediss://shop:secret@127.0.0.1:6379/2',
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, COATCHECK_STATE: join(folder, 'state'), ...stage }
}

function configurationOf({ text, note }: Block): string {
  if (note !== 'fragment') return text
  return stringify({ ...base, ...parse(text) })
}

/** A folder with the configuration and the files that examples name. */
async function folderWith(configuration: string): Promise<string> {
  const folder = await temporaryFolder()
  const made = await certificates
  writeFileSync(join(folder, 'coatcheck.yaml'), configuration)
  for (const [name, pem] of Object.entries(made)) writeFileSync(join(folder, name), pem)
  mkdirSync(join(folder, 'state'), { mode: 0o700 })
  return folder
}

const certificates = (async () => {
  const made = makeCertificates(await temporaryFolder())
  return {
    'tls.crt': made.server.certificate,
    'tls.key': made.server.key,
    'ca.crt': made.ca.certificate,
    'client.crt': made.client.certificate,
    'client.key': made.client.key,
    'redis.pw': 'secret\n',
    'k1.key': '0123456789abcdef0123456789abcdef',
    'reports.token': 'Bearer not-a-real-one\n',
    'k2.key': 'fedcba9876543210fedcba9876543210',
  }
})()
