import type { Listener } from '@coatcheck/model'
import type { ClientConnection } from '../exchange.ts'
import type { RawRequest } from '../raw-request.ts'

/** A plain listener that trusts nobody. */
export function listenerSpec(part: Partial<Listener> = {}): Listener {
  return {
    name: 'web',
    address: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    trustedProxies: [],
    http2: false,
    limits: { headerBytes: 16_384, headerCount: 100, targetBytes: 8192 },
    timeouts: { headers: 10_000, keepAlive: 75_000, idle: 300_000 },
    ...part,
  }
}

/** `GET /` of `shop.example.com`, from 198.51.100.7. */
export function rawRequest(part: Partial<RawRequest> = {}): RawRequest {
  return {
    httpVersion: '1.1',
    method: 'GET',
    target: '/',
    headers: ['Host', 'shop.example.com'],
    authority: undefined,
    scheme: 'http',
    peer: '198.51.100.7',
    peerPort: 40_000,
    certificate: undefined,
    certificateProblem: undefined,
    body: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    upgrade: undefined,
    connection: clientConnection(),
    ...part,
  }
}

/** A client that waits, and is told nothing. */
export function clientConnection(part: Partial<ClientConnection> = {}): ClientConnection {
  return { gone: false, onGone: undefined, inform() {}, bodyWanted() {}, ...part }
}
