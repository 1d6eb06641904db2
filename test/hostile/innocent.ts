import { openClient } from '../../packages/gateway/src/node/fixtures/client.ts'

/** Another visitor: one connection, open all the time, whose requests begin before something hostile and end after it. */
export interface Innocent extends Disposable {
  /** Sends the first half of `GET /innocent`. */
  begin(): void
  /** Sends the rest; resolves when the answer is there, and rejects when it is another one than always. */
  finish(): Promise<void>
}

/** @param body what every answer's body is */
export function openInnocent(port: number, body: string): Innocent {
  const client = openClient(port)
  client.socket.setNoDelay(true)
  let asked = 0
  return {
    begin() {
      asked++
      client.send('GET /innocent HTTP/1.1\r\nHost: a.test\r\nX-Half: ')
    },
    async finish() {
      client.send('way\r\n\r\n')
      const answers = (await client.until(`\r\n\r\n${body}`, asked)).match(/HTTP\/1\.1 \d{3}/g) ?? []
      if (answers.length !== asked || answers.some((line) => !line.endsWith('200'))) {
        throw new Error(`Another connection was disturbed: ${client.text()}`)
      }
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
