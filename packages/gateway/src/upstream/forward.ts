import type { UpstreamSpec } from '@coatcheck/model'
import type { Forward } from '../forward.ts'
import type { Reply } from '../reply.ts'
import { Sending } from './sending.ts'
import { type ForwardPorts, openUpstream } from './upstream.ts'

/**
 * The hop to one upstream over HTTP/1.1, plain or TLS. Opens nothing before the first request.
 *
 * @throws what `ports.secret` throws, and OpenSSL's error for certificates and keys that cannot be used
 */
export function createForward(spec: UpstreamSpec, ports: ForwardPorts): Forward {
  const upstream = openUpstream(spec, ports)
  return {
    send: (request) => new Promise<Reply>((resolve, reject) => new Sending(upstream, request, resolve, reject).start()),
    close() {
      for (const { pool } of upstream.destinations) pool.close()
    },
  }
}
