/** The demo as a visitor sees it: `make start`, a real browser, and Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, root } from '../running/gateway.ts'

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
  if (screenshot) await page.screenshot({ path: join(root, 'docs/images/demo.png') })
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
  const answer = await fetch(`${home()}members`, {
    redirect: 'manual',
    headers: { Cookie: `__Host-session=${old}`, 'Sec-Fetch-Mode': 'navigate', Accept: 'text/html' },
  })
  expect(answer.status).toBe(303)
})

test('Ctrl-C ends it cleanly', async () => {
  expect(await stop(demo)).toBe(0)
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

/** In a process group of its own, so that a signal reaches all of it, as Ctrl-C in a terminal does. */
async function start(): Promise<ChildProcess> {
  const environment = { ...process.env, DEMO_PORT: String(port), COATCHECK_STATE: state }
  const child = spawn('make', ['start'], {
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
  if (child.exitCode !== null) return child.exitCode
  process.kill(-child.pid!, 'SIGINT')
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}
