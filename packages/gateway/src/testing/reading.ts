import type { HeaderList } from '../headers.ts'
import { MalformedResponse } from '../upstream/malformed.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { ResponseParser } from '../upstream/response-parser.ts'

/** Everything a parser found, in a form that two runs can be compared by. */
export interface Reading {
  informed: number[]
  head?: ResponseHead
  length?: number
  persistent?: boolean
  body: string
  ended: boolean
  trailers?: HeaderList | undefined
  switched?: number
  /** Bytes beyond the response. */
  surplus: string
  malformed?: string
}

/** The request that is answered. */
export interface Asked {
  readonly method?: string
  readonly upgrade?: string
  /** The upstream closes behind the last piece. */
  readonly closes?: boolean
}

/** What a parser makes of a response that comes in these pieces. */
export function read(pieces: readonly Buffer[], { method = 'GET', upgrade, closes = false }: Asked = {}): Reading {
  const reading: Reading = { informed: [], body: '', ended: false, surplus: '' }
  const parser = new ResponseParser({
    information: (head) => void reading.informed.push(head.status),
    head: (head, length, persistent) => void Object.assign(reading, { head, length, persistent }),
    data: (stretch) => {
      reading.body += stretch.toString('latin1')
    },
    end: (trailers) => void Object.assign(reading, { ended: true, trailers }),
    upgraded: (head) => {
      reading.switched = head.status
    },
  })
  parser.expect(method, upgrade)
  try {
    for (const piece of pieces) reading.surplus += piece.subarray(parser.push(piece)).toString('latin1')
    if (closes) parser.close()
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error
    reading.malformed = error.message
  }
  return reading
}

/** The octets of a text in latin1. */
export const bytes = (text: string) => Buffer.from(text, 'latin1')
/** What a parser makes of a response that comes in one piece. */
export const readText = (text: string, asked?: Asked) => read([bytes(text)], asked)
/** The status line of most. */
export const ok = 'HTTP/1.1 200 OK\r\n'
