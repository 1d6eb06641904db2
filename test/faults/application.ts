/** An application that says who signed in, and what it was told of the session that a request came with. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface Application extends AsyncDisposable {
  readonly url: string
}

/** What the gateway has to be configured with for it: what it captures, and what it tells the application. */
export const capture = { $subject: 'X-Auth-User', note: 'X-Note' }
export const told = { 'X-User': '{identity.sub}', 'X-Kept': '{session.note}' }

/** `/login/USER/NOTE`, `/note/NOTE`, `/out`; every answer tells `STATE QUERY`: what the request came with, and its query. */
export async function startApplication(): Promise<Application> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = url.split('?')
  const [, action, ...values] = path.split('/')
  if (action === 'login') {
    response.setHeader('X-Auth-User', values[0]!)
    response.setHeader('X-Note', values[1]!)
  }
  if (action === 'note') response.setHeader('X-Note', values[0]!)
  if (action === 'out') response.setHeader('X-Auth-User', '')
  response.end(`${stateOf(headers['x-user'], headers['x-kept'])} ${query}`)
}

function stateOf(user: string | string[] | undefined, note: string | string[] | undefined): string {
  return user === undefined ? '-' : `${user}/${note ?? ''}`
}
