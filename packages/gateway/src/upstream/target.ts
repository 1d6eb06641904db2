import type { UpstreamTarget } from '@coatcheck/model'

/** One address of an upstream, read once. */
export interface Target {
  readonly url: string
  readonly secure: boolean
  /** For connecting: an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** `host:port`, for logs. */
  readonly address: string
  /** Value of `Host`: without the scheme's own port. */
  readonly authority: string
  readonly weight: number
}

export function readTarget({ url, weight }: UpstreamTarget): Target {
  const { protocol, hostname, port, host } = new URL(url)
  const secure = protocol === 'https:'
  const number = Number(port || (secure ? 443 : 80))
  return {
    url,
    secure,
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: number,
    address: `${hostname}:${number}`,
    authority: host,
    weight,
  }
}
