/** One request over a connection that is kept, and what came of it. */
import { Agent, type IncomingMessage, request } from 'node:http'

export interface Answer {
  /** 0: none came, or it broke off. */
  readonly status: number
  /** The body, whole. */
  readonly text: string
  readonly retryAfter: boolean
  /** The value of the cookie that it sets; empty where it clears it. */
  readonly cookie: string | undefined
  readonly sentAt: number
  readonly milliseconds: number
}

/** Milliseconds after which a request counts as unanswered. */
const patience = 5000
const agent = new Agent({ keepAlive: true })

/** Never rejects. */
export function ask(port: number, path: string, cookie = ''): Promise<Answer> {
  const sentAt = performance.now()
  const headers = cookie === '' ? {} : { cookie: `session=${cookie}` }
  return new Promise((resolve) => {
    const done = (status: number, text: string, response?: IncomingMessage) =>
      resolve({
        status,
        text,
        retryAfter: response?.headers['retry-after'] !== undefined,
        cookie: cookieOf(response),
        sentAt,
        milliseconds: performance.now() - sentAt,
      })
    const sent = request({ agent, host: '127.0.0.1', port, path, headers, timeout: patience }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => done(response.statusCode!, text, response))
      response.on('error', (error) => done(0, String(error)))
    })
    sent.on('timeout', () => sent.destroy(new Error(`No answer within ${patience} ms.`)))
    sent.on('error', (error) => done(0, String(error)))
    sent.end()
  })
}

function cookieOf(response: IncomingMessage | undefined): string | undefined {
  const [set] = response?.headers['set-cookie'] ?? []
  return /^session=([^;]*)/.exec(set ?? '')?.[1]
}
