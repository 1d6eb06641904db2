/** The demo as a visitor sees it: `make start`, a real browser, and Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../running/free-port.ts'
import { root } from '../running/gateway.ts'

const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
const screenshot = process.env.UPDATE_SCREENSHOT === '1'

let browser: Browser
let page: Page
let demo: ChildProcess
let port: number
let state: string

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [...quiet, '--disable-component-update', '--disable-sync'],
  })
  page = await (await browser.newContext({ viewport: { width: 980, height: 900 } })).newPage()
  port = await freePort()
  state = await mkdtemp(join(tmpdir(), 'coatcheck-demo-'))
  demo = await start()
}, 90_000)

afterAll(async () => {
  await browser?.close()
  if (demo) await stop(demo)
})

test('a stranger gets a session, and the application gets headers instead of the cookie', async () => {
  await page.goto(home())
  expect(await visits()).toBe(1)
  await page.reload()
  expect(await visits()).toBe(2)
  const headers = await page.textContent('table')
  expect(headers).toMatch(/X-Session-Id[A-Za-z0-9_-]{22}/)
  expect(headers).not.toMatch(/__Host-session/)
  const [cookie] = await page.context().cookies()
  expect(cookie).toMatchObject({ name: '__Host-session', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' })
})

test('members only leads to the application’s own login, and back', async () => {
  await page.goto(`${home()}members`)
  expect(new URL(page.url()).pathname).toBe('/login')
  await page.fill('[name=user]', 'anna')
  await page.fill('[name=password]', 'wrong')
  await page.click('button')
  expect(await page.textContent('[role=alert]')).toContain('coat')
  const before = await ticket()
  await page.goto(`${home()}members`)
  await page.fill('[name=user]', 'anna')
  await page.fill('[name=password]', 'coat')
  await page.click('button')
  expect(new URL(page.url()).pathname).toBe('/members')
  expect(await page.textContent('main')).toContain('Welcome, anna')
  const after = await ticket()
  expect(after).not.toBe(before)
  expect(after?.split('.')[1]).toBe(before?.split('.')[1])
})

test('the clock ticks over a WebSocket that knows who is there', async () => {
  await page.goto(home())
  await page.waitForFunction(() =>
    /\d\d:\d\d:\d\d, told to anna/.test(document.getElementById('clock')?.textContent ?? ''),
  )
  if (screenshot) await page.screenshot({ path: join(root, 'docs/images/demo.png'), fullPage: true })
})

test('a restart signs nobody out', async () => {
  const counted = await visits()
  await stop(demo)
  demo = await start()
  await page.goto(home())
  expect(await page.textContent('.lead')).toContain('anna')
  expect(await visits()).toBe(counted + 1)
}, 60_000)

test('signing out ends the session', async () => {
  const old = await ticket()
  await page.click('text=Sign out')
  expect(await page.textContent('.lead')).toContain('stranger')
  expect(await ticket()).not.toBe(old)
  expect(await statusOfNavigation('members', `__Host-session=${old}`)).toBe(303)
})

test('Ctrl-C ends all of it, and nothing listens any more', async () => {
  await stop(demo)
  expect(() => process.kill(-demo.pid!, 0)).toThrow(/ESRCH/)
  expect(await Promise.all([port, port + 1, port + 2].map(isTaken))).toEqual([false, false, false])
})

test('Ctrl-C ends gateway and application with exit code 0', async () => {
  // Without make, which dies of the signal itself.
  const alone = await start('tools/node', ['examples/demo/start.ts'])
  await page.goto(home())
  await page.waitForFunction(() => /\d\d:\d\d:\d\d/.test(document.getElementById('clock')?.textContent ?? ''))
  expect(await stop(alone)).toBe(0)
})

function home(): string {
  return `http://localhost:${port}/`
}

async function visits(): Promise<number> {
  return Number(await page.textContent('#visits'))
}

async function ticket(): Promise<string | undefined> {
  return (await page.context().cookies()).find(({ name }) => name === '__Host-session')?.value
}

/** With Fetch Metadata of a browser's address bar, which `fetch` does not let through. */
async function statusOfNavigation(path: string, cookie: string): Promise<number | undefined> {
  const headers = { Cookie: cookie, Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
  const [answer] = (await once(get(`${home()}${path}`, { headers }), 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

function isTaken(at: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** In a process group of its own, so that a signal reaches all of it, as Ctrl-C in a terminal does. */
async function start(command = 'make', values: readonly string[] = ['start']): Promise<ChildProcess> {
  const environment = { ...process.env, DEMO_PORT: String(port), COATCHECK_STATE: state }
  const child = spawn(command, values, {
    cwd: root,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let told = ''
  child.stdout!.on('data', (chunk) => {
    told += chunk
  })
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    if (told.includes(home().slice(0, -1)) && (await fetch(home()).catch(() => undefined))?.ok) return child
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the demo did not start:\n${told}`)
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  process.kill(-child.pid!, 'SIGINT')
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}
