/**
 * The application of the demo: it keeps nothing between requests. Who is there and how often they came, the gateway
 * tells it in request headers; what should be remembered, it tells the gateway in response headers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { WebSocketServer } from 'ws'
import { homePage, loginPage, membersPage, messagePage } from './pages.ts'

const port = Number(process.env.PORT ?? 8081)
const password = 'coat'
const largestForm = 4096

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://app').pathname
  switch (`${request.method} ${path}`) {
    case 'GET /':
      return visit(request, response)
    case 'GET /login':
      return page(response, 200, loginPage(undefined))
    case 'POST /login':
      return signIn(request, response)
    case 'POST /logout':
      return redirect(response, '/', { 'X-Set-User': '' })
    case 'GET /members':
      return page(response, 200, membersPage(header(request, 'x-user')))
    default:
      return page(response, 404, messagePage('Not found', 'This application has no such page.'))
  }
}

function visit(request: IncomingMessage, response: ServerResponse): void {
  const visits = Number(header(request, 'x-visits') ?? 0) + 1
  response.setHeader('X-Set-Visits', String(visits))
  page(response, 200, homePage({ visits, user: header(request, 'x-user'), headers: request.rawHeaders }))
}

async function signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = await readForm(request)
  const user = form?.get('user')?.trim() ?? ''
  if (!/^[a-z]{1,32}$/.test(user) || form?.get('password') !== password) {
    return page(response, 403, loginPage('That is not a name of small letters with the password “coat”.'))
  }
  redirect(response, returnPath(form.get('return')), { 'X-Set-User': user })
}

/** Only a path of our own: a login page that redirects anywhere is a gift to phishers. */
function returnPath(wanted: string | null): string {
  return wanted !== null && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted) ? wanted : '/'
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestForm) return undefined
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function page(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'",
  })
  response.end(html)
}

function redirect(response: ServerResponse, location: string, headers: Record<string, string>): void {
  response.writeHead(303, { Location: location, ...headers })
  response.end()
}

/** A clock over a WebSocket: the time each second, and to whom it is told. */
const clocks = new WebSocketServer({ server, path: '/clock', maxPayload: 1024 })
clocks.on('connection', (socket, request) => {
  const user = header(request, 'x-user') ?? 'stranger'
  const tick = () => socket.send(JSON.stringify({ time: new Date().toLocaleTimeString('en-GB'), user }))
  const timer = setInterval(tick, 1000)
  socket.on('close', () => clearInterval(timer))
  socket.on('error', () => socket.terminate())
  tick()
})

function stop(): void {
  for (const client of clocks.clients) client.close(1001)
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  setTimeout(() => process.exit(0), 1000).unref()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
server.on('error', (error) => {
  console.error(`demo application: cannot listen on 127.0.0.1:${port}: ${error.message}`)
  process.exit(1)
})
server.listen(port, '127.0.0.1', () => process.send?.('listening'))
