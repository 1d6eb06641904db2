/** Single sign-on between subdomains, in a real browser: two gateways, one store, one cookie for the domain above. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { testStandalone } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { startApplication } from '../faults/application.ts'
import { temporaryFolder } from '../running/gateway.ts'
import { type SharingGateway, startSharing } from './gateways.ts'

const domain = 'apps.example.com'
const resources = new AsyncDisposableStack()

let browser: Browser
let page: Page
let shop: SharingGateway
let desk: SharingGateway

beforeAll(async () => {
  const server = resources.use(await testStandalone())
  const application = resources.use(await startApplication())
  const { namedServer } = makeCertificates(await temporaryFolder())
  const tls = { certificate: namedServer.certificatePath, key: namedServer.keyPath }
  const member = { headers: { request: { set: { 'X-User': '{identity.sub}' } } }, upstream: 'app' }
  const configuration = {
    name: 'sso',
    stores: { main: { redis: { standalone: `127.0.0.1:${server.port}` } } },
    sessions: { default: { store: 'main', rotateAfter: '1s', cookie: { domain } } },
    keys: { k1: 'ab'.repeat(32) },
    upstreams: { app: application.url },
    routes: [
      {
        name: 'sign-in',
        match: [{ path: '/sign-in' }, { path: '/login' }, { path: '/out' }],
        capture: { $subject: 'X-Auth-User' },
        ...member,
      },
      { name: 'members', match: { path: '/members' }, login: { at: '/sign-in' }, ...member },
    ],
  }
  shop = resources.use(await startSharing(configuration, { listener: { tls } }))
  desk = resources.use(await startSharing(configuration, { listener: { tls } }))
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', `--host-resolver-rules=MAP *.${domain} 127.0.0.1`],
    ],
  })
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await resources.disposeAsync()
})

const at = (host: string, { port }: SharingGateway, path: string) => `https://${host}.${domain}:${port}/${path}`
const atShop = (path: string) => at('shop', shop, path)
const atDesk = (path: string) => at('desk', desk, path)

/** What the application was told: who the visitor is. */
async function visit(url: string): Promise<string> {
  await page.goto(url)
  return (await page.textContent('body')) ?? ''
}

async function cookies() {
  return page.context().cookies([atShop(''), atDesk('')])
}

const ticket = async () => (await cookies())[0]?.value ?? ''

async function newVisitor(): Promise<void> {
  page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
}

test('who signs in on one subdomain is signed in on the other, with one cookie for both', async () => {
  await newVisitor()
  await page.goto(atDesk('members'))
  expect(new URL(page.url()).pathname).toBe('/sign-in')
  await visit(atShop('login/ann/x'))
  expect(await visit(atDesk('members'))).toBe('ann/ ')
  expect(await visit(atShop('members'))).toBe('ann/ ')
  expect(await cookies()).toEqual([
    expect.objectContaining({ name: 'session', domain: `.${domain}`, secure: true, httpOnly: true, sameSite: 'Lax' }),
  ])
})

test('who signs out on the other one is signed out on both', async () => {
  await newVisitor()
  await visit(atShop('login/ann/x'))
  await visit(atShop('members'))
  await visit(atDesk('out'))
  for (const url of [atDesk('members'), atShop('members')]) {
    await page.goto(url)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
  }
})

test('a ticket that one gateway replaced is honoured by the other', async () => {
  await newVisitor()
  await visit(atShop('login/ann/x'))
  const first = await ticket()
  await expect.poll(async () => (await visit(atShop('members'))) && ticket(), { timeout: 15_000 }).not.toBe(first)
  const second = await ticket()
  expect(await visit(atDesk('members'))).toBe('ann/ ')
  expect(await ticket()).toBe(second)
  expect(second.split('.')[1]).toBe(first.split('.')[1])
})
