import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { native } from '@coatcheck/dialects'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../runtime/fixtures/free-port.ts'
import { filesSource } from '../sources/files.ts'
import { protectSource, protectYaml } from './protect.ts'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-protect-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test.each([
  ['http://localhost:3000', '8080', []],
  ['https://[::1]:3443', '9000', ['--port', '9000']],
  ['http://app.example', '8080', []],
])('the printed file for %s means what is run', async (url, port, options) => {
  const { status, stdout } = spawnSync(process.execPath, [program, 'protect', url, ...options, '--print'], {
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  writeFileSync(join(folder, 'coatcheck.yaml'), stdout)
  const place = { dialect: native, environment: {}, cwd: folder }
  const printed = await filesSource({ paths: ['coatcheck.yaml'], ...place }).load()
  const run = await protectSource(protectYaml(url, Number(port)), place).load()
  // It says so itself: a restart forgets them.
  expect(printed.diagnostics.map(({ code }) => code)).toEqual(['store-in-memory'])
  expect(printed.model).toEqual(run.model)
  expect(printed.model?.listeners[0]?.address).toEqual({ host: '127.0.0.1', port: Number(port) })
  expect(printed.model?.upstreams[0]?.targets[0]?.url).toBe(url)
})

test('it runs without any file: a session for every visitor, its id for the application', async () => {
  const app = createServer((request, response) => response.end(`id ${request.headers['x-session-id']}`)).listen(
    0,
    '127.0.0.1',
  )
  await once(app, 'listening')
  const port = await freePort()
  const url = `http://localhost:${(app.address() as AddressInfo).port}`
  const gateway = spawn(process.execPath, [program, 'protect', url, '--port', String(port)], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    await serving(gateway)
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    const [, id] = /^[^=]+=1\.([\w-]{22})\./.exec(answer.headers.getSetCookie()[0]!) ?? []
    expect(await answer.text()).toBe(`id ${id}`)
    expect(readdirSync(folder)).toEqual([])
  } finally {
    gateway.kill('SIGTERM')
    const [code] = await once(gateway, 'exit')
    app.close()
    expect(code).toBe(0)
  }
})

/** Resolves when the log says that requests are served; rejects when the process ends first. */
function serving(gateway: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    gateway.stderr!.on('data', (chunk) => {
      log += chunk
      if (log.includes('Serving')) resolve()
    })
    gateway.once('exit', () => reject(new Error(`it ended: ${log}`)))
  })
}
