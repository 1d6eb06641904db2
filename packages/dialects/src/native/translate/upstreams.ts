import { defaults, step, type UpstreamSpec, type UpstreamTarget } from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'

type Written = NonNullable<NativeDocument['upstreams']>[string]
type Full = Exclude<Written, string | readonly unknown[]>

const { weight, timeouts, failing, connections } = defaults.upstream

/** The upstreams that are written, and behind them those that routes name by their URL alone. */
export function upstreams(context: Context, byUrl: ReadonlyMap<string, string>): UpstreamSpec[] {
  const written = Object.entries(context.document.upstreams ?? {}).map(([name, spec], index) => {
    const pointer = `/upstreams${step(name)}`
    context.came(`/upstreams/${index}`, pointer)
    context.came(`/upstreams/${index}/targets`, `${pointer}/urls`)
    return upstream(name, spec)
  })
  const unwritten = [...byUrl].map(([url, pointer], at) => {
    context.came(`/upstreams/${written.length + at}`, pointer)
    return upstreamOfUrl(url)
  })
  return [...written, ...unwritten]
}

/** What a route gets that names a URL instead of an upstream: called like its URL. */
export function upstreamOfUrl(url: string): UpstreamSpec {
  return upstream(url, url)
}

function upstream(name: string, written: Written): UpstreamSpec {
  const full: Full = typeof written === 'string' || Array.isArray(written) ? { urls: written } : (written as Full)
  const targets = [full.urls].flat()
  return {
    name,
    targets: targets.map((target) => weighted(typeof target === 'string' ? { url: target } : target)),
    tls: full.tls && tls(full.tls),
    timeouts: filled(timeouts, full.timeouts),
    failing: filled(failing, full.failing),
    connections: filled(connections, full.connections),
  }
}

function weighted(target: { url: string; weight?: number | undefined }): UpstreamTarget {
  return { url: target.url, weight: target.weight ?? weight }
}

function tls(written: NonNullable<Full['tls']>): NonNullable<UpstreamSpec['tls']> {
  const { ca, serverName, certificate, key, insecureSkipVerify } = written
  return { ca, serverName, certificate, key, insecureSkipVerify: insecureSkipVerify ?? false }
}
