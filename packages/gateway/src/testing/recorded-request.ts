import type { HeaderList } from '../headers.ts'
import type { RecordedRequest } from './recorder.ts'

/**
 * Reads the request at the start of `bytes`, or nothing while its head is incomplete. An oracle of its own: it shares
 * no code with what it judges, and takes the framing by its word.
 */
export function readRequest(
  bytes: Buffer,
): { request: RecordedRequest; length: number; complete: boolean } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = bytes.toString('latin1', 0, headEnd + 4)
  const [requestLine = '', ...lines] = head.slice(0, -4).split('\r\n')
  const [method = '', target = '', version = ''] = requestLine.split(' ')
  const headers = readHeaders(lines)
  const rest = bytes.subarray(headEnd + 4)
  const coding = firstValue(headers, 'transfer-encoding')
  const body = coding ? readChunked(rest) : readSized(rest, Number(firstValue(headers, 'content-length') ?? 0))
  const request = {
    method,
    target,
    version,
    headers,
    head,
    body: body?.content ?? Buffer.alloc(0),
    rawBody: body ? Buffer.from(rest.subarray(0, body.length)) : Buffer.alloc(0),
    trailers: body?.trailers ?? [],
    header: (name: string) => firstValue(headers, name.toLowerCase()),
  }
  return { request, length: headEnd + 4 + (body?.length ?? 0), complete: body !== undefined }
}

interface RecordedBody {
  readonly content: Buffer
  readonly length: number
  readonly trailers: HeaderList
}

function readSized(bytes: Buffer, length: number): RecordedBody | undefined {
  if (bytes.length < length) return undefined
  return { content: Buffer.from(bytes.subarray(0, length)), length, trailers: [] }
}

function readChunked(bytes: Buffer): RecordedBody | undefined {
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) return undefined
    pieces.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  const trailers: string[] = []
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    at = lineEnd + 2
    if (line === '') return { content: Buffer.concat(pieces), length: at, trailers: readHeaders(trailers) }
    trailers.push(line)
  }
}

function readHeaders(lines: readonly string[]): HeaderList {
  return lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
}

function firstValue(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === name) return headers[i + 1]
  }
  return undefined
}
