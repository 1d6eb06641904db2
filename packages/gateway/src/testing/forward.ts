import type { UpstreamSpec, UpstreamTarget, UpstreamTls } from '@coatcheck/model'
import { Secret } from '@coatcheck/model'
import type { Forward, ForwardRequest } from '../forward.ts'
import type { HeaderList } from '../headers.ts'
import type { BodySource, Reply } from '../reply.ts'
import { createForward } from '../upstream/forward.ts'

export interface StageOptions {
  readonly targets: readonly (string | UpstreamTarget)[]
  readonly timeouts?: Partial<UpstreamSpec['timeouts']>
  readonly connections?: Partial<UpstreamSpec['connections']>
  readonly failing?: UpstreamSpec['failing']
  readonly tls?: UpstreamTls
}

/** A forward to `targets`, with what its observer was told and a clock to move. */
export interface Stage extends Disposable {
  readonly forward: Forward
  readonly observed: string[]
  readonly clock: { now: number }
}

export function stageForward(options: StageOptions): Stage {
  const observed: string[] = []
  const clock = { now: 1_000_000 }
  const spec: UpstreamSpec = {
    name: 'shop',
    targets: options.targets.map((target) => (typeof target === 'string' ? { url: target, weight: 1 } : target)),
    tls: options.tls,
    timeouts: { connect: 5_000, response: 5_000, idle: 5_000, ...options.timeouts },
    failing: options.failing ?? { after: 3, for: 10_000 },
    connections: { maxIdle: 8, idle: 60_000, ...options.connections },
  }
  const forward = createForward(spec, {
    secret: (source) => new Secret(Buffer.from(source.from === 'value' ? source.value : '')),
    observer: {
      upstreamRequest: (upstream) => observed.push(`${upstream} answered`),
      upstreamError: (upstream, reason) => observed.push(`${upstream} ${reason}`),
      upstreamTarget: (upstream, _url, up) => observed.push(`${upstream} target ${up ? 'up' : 'down'}`),
    },
    clock: () => clock.now,
  })
  return { forward, observed, clock, [Symbol.dispose]: () => forward.close() }
}

export function request(part: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    method: 'GET',
    target: '/',
    headers: ['Host', 'shop.example.com'],
    body: undefined,
    contentLength: undefined,
    upgrade: undefined,
    hostFromTarget: false,
    signal: { gone: false, onGone: undefined },
    ...part,
  }
}

export interface Whole {
  readonly text: string
  readonly trailers: HeaderList | undefined
}

/** Reads a reply's body to its end; rejects when it was cut short. */
export function readBody({ body }: Reply): Promise<Whole> {
  if (body === undefined) return Promise.resolve({ text: '', trailers: undefined })
  let text = ''
  return new Promise((resolve, reject) => {
    const sink = {
      write: (chunk: Buffer) => {
        text += chunk.toString('latin1')
        return true
      },
      drained: () => {},
      end: (trailers: HeaderList | undefined) => resolve({ text, trailers }),
      fail: reject,
    }
    ;(body as BodySource).pipe(sink)
  })
}

export async function ask(stage: Stage, part?: Partial<ForwardRequest>): Promise<Whole & { readonly reply: Reply }> {
  const reply = await stage.forward.send(request(part))
  return { reply, ...(await readBody(reply)) }
}
