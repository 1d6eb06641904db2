/** `coatcheck check` with Redis stores, over real servers. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testStandalone } from '../../../session/src/stores/redis/testing/servers.ts'
import { dispatch } from './dispatch.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-check-probe-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const password = 'hunter2hunter2'
const withUser = {
  settings: { user: `shop on >${password} ~* &* +@all` },
}

async function check(stores: string, args: readonly string[] = [], routes = 'routes') {
  const file = `name: shop
listeners: { web: 127.0.0.1:8080 }
keys: { k1: { env: KEY } }
stores: { ${stores} }
sessions: { default: { mode: enforce, store: main } }
${routes}: [{ name: app, match: { path: / }, upstream: http://127.0.0.1:3000 }]
`
  writeFileSync(join(folder, 'coatcheck.yaml'), file)
  let stdout = ''
  const status = await dispatch(['check', ...args], {
    cwd: folder,
    environment: { KEY: 'ab'.repeat(32), PW: password },
    stdout: (text) => {
      stdout += text
    },
    stderr: (text) => expect.fail(text),
  })
  expect(stdout).not.toContain(password)
  return { status, stdout }
}

const store = (port: number, more = '') =>
  `redis: { standalone: "127.0.0.1:${port}", auth: { username: shop, password: { env: PW } }${more} }`

async function silentServer(): Promise<AsyncDisposable & { readonly port: number; readonly taken: number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume())).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get taken() {
      return sockets.length
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}

test('a store that is right: every step is named, and the exit code is 0', async () => {
  await using server = await testStandalone(withUser)
  const { status, stdout } = await check(`main: { ${store(server.port)} }`)
  const steps = 'tcp, protocol, authentication, version, role, permission, memory, timeout, connections, clock'
  expect(stdout).toBe(`Store "main"\n  127.0.0.1:${server.port}  ok: ${steps}\n0 errors, 0 warnings in 1 file\n`)
  expect(status).toBe(0)
})

test('only a probe failed: exit code 1, with place, step, reason and what to do', async () => {
  await using server = await testStandalone()
  const { status, stdout } = await check(`main: { ${store(server.port)} }`)
  expect(status).toBe(1)
  expect(stdout).toMatch(
    /^coatcheck\.yaml:4:\d+ {2}error {2}store-probe-authentication\n {2}Store "main", 127\.0\.0\.1:\d+: /,
  )
  expect(stdout).toContain('(password-wrong)')
  expect(stdout).toContain('; failed: authentication\n1 error, 0 warnings in 1 file\n')
})

test('a warning alone: exit code 0; what a server does not tell is said', async () => {
  await using server = await testStandalone({
    settings: { user: `shop on >${password} ~* &* +@all -info -config`, 'maxmemory-policy': 'allkeys-lru' },
  })
  const hidden = await check(`main: { ${store(server.port)} }`)
  expect(hidden).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('not tested: memory, timeout, connections'),
  })
  server.command('ACL', 'SETUSER', 'shop', '+@all')
  const { status, stdout } = await check(`main: { ${store(server.port)} }`)
  expect(status).toBe(0)
  expect(stdout).toMatch(/warning {2}store-probe-memory\n.*allkeys-lru.*\(evicts\)/)
})

test('as JSON and as annotations', async () => {
  await using server = await testStandalone(withUser)
  await server.kill()
  const json = await check(`main: { ${store(server.port)} }`, ['--format', 'json'])
  expect(json.status).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({
    errors: 1,
    diagnostics: [{ severity: 'error', code: 'store-probe-tcp', place: { line: 4 } }],
    probes: [
      {
        store: 'main',
        ok: false,
        steps: [{ node: `127.0.0.1:${server.port}`, step: 'tcp', outcome: 'failed', reason: 'refused' }],
      },
    ],
  })
  const github = await check(`main: { ${store(server.port)} }`, ['--format', 'github'])
  expect(github.stdout).toMatch(/^::error file=coatcheck\.yaml,line=4,col=\d+,title=store-probe-tcp::Store "main"/)
})

test('--no-probe connects to nothing; nor is anything probed that has errors', async () => {
  await using server = await silentServer()
  const offline = await check(`main: { ${store(server.port)} }`, ['--no-probe'])
  expect(offline).toEqual({ status: 0, stdout: '0 errors, 0 warnings in 1 file\n' })
  const { status, stdout } = await check(`main: { ${store(server.port)} }`, [], 'rutes')
  expect(status).toBe(1)
  expect(stdout).toContain('No store was probed, because of the errors.\n')
  expect(server.taken).toBe(0)
})

test('several stores, several servers, all dead: one answer for those that are alike, within 5 s', async () => {
  await using silent = await silentServer()
  const nodes = Array.from({ length: 8 }, (_, i) => `127.0.0.1:${i + 1}`).join(', ')
  const began = performance.now()
  const { status, stdout } = await check(
    `main: { ${store(silent.port)} }, other: { redis: { cluster: { nodes: [${nodes}] }, auth: { password: { env: PW } } } }`,
  )
  expect(performance.now() - began).toBeLessThan(5000)
  expect(status).toBe(1)
  expect(stdout).toContain(
    `127.0.0.1:${silent.port}: It accepted the connection, and did not answer within 2 s. (silent)`,
  )
  expect(stdout).toContain('127.0.0.1:5 and 3 more: Nothing listens there. (refused)')
  expect(stdout).toContain('2 errors, 1 warning in 1 file')
})
