/** How to reach a Redis or Valkey: the options of the store, as a program gives them. */

/** Host name or address, and port. */
export interface Node {
  readonly host: string
  readonly port: number
}

export type Deployment =
  /** One server, or whatever stands behind one address. A name with several addresses is tried at all of them. */
  | { readonly kind: 'standalone'; readonly node: Node; readonly database?: number | undefined }
  /** A primary with replicas, watched by sentinels. */
  | {
      readonly kind: 'sentinel'
      readonly masterName: string
      /** Sentinels; one that answers is enough. */
      readonly nodes: readonly Node[]
      /** For the sentinels; `false`: none. @defaultValue those of the data nodes */
      readonly auth?: Auth | false | undefined
      /** For the sentinels; `false`: plain TCP. @defaultValue that of the data nodes */
      readonly tls?: Tls | false | undefined
      readonly database?: number | undefined
    }
  /** Slots over several primaries; the nodes are where to begin. */
  | { readonly kind: 'cluster'; readonly nodes: readonly Node[] }
  /** A primary with replicas and no sentinel: the primary is the node that says so, and is followed when it changes. */
  | { readonly kind: 'replicated'; readonly nodes: readonly Node[]; readonly database?: number | undefined }

export interface Auth {
  /** ACL user. @defaultValue `default` */
  readonly username?: string | undefined
  /** Asked at each connection, and again when the server refused the last one: rotation needs no restart. */
  readonly password: () => string
}

export interface Tls {
  /** What is trusted, in PEM. Asked at each connection. @defaultValue the system's authorities */
  readonly ca?: (() => readonly string[]) | undefined
  /** Certificate chain and key in PEM, for servers that want one (mTLS). Asked at each connection. */
  readonly client?: (() => { readonly certificate: string; readonly key: string }) | undefined
  /** Name that the server's certificate must bear, and that is sent as SNI. @defaultValue the node's host name */
  readonly serverName?: string | undefined
  /** Any certificate is taken: whoever is in between reads and changes sessions. For tests. @defaultValue false */
  readonly insecureSkipVerify?: boolean | undefined
}

/**
 * How many replicas have to have a write before it counts: of what starts, changes and ends a session, not of a touch. A
 * server that dies, or is replaced, takes with it what no other one has.
 */
export interface Durability {
  /**
   * `all`: every replica that could be promoted, those included that left within the last 30 seconds, since the one that
   * leaves may be the one that takes over. A number smaller than that lets the wrong ones confirm.
   */
  readonly replicas: 'all' | number
  /** Milliseconds that they have for it; below that of a command. */
  readonly timeout: number
  /**
   * What happens when they do not in time. `refuse`: a new session is deleted again, and everything fails with
   * `ERR_STORE_UNAVAILABLE`; what was changed or ended stays so, and is `unconfirmed`. `count`: nothing but `onShort`.
   */
  readonly short: 'refuse' | 'count'
  /** Told of each. Must not throw. */
  readonly onShort?: ((operation: 'create' | 'update' | 'delete') => void) | undefined
}

export interface ConnectionOptions {
  readonly deployment: Deployment
  readonly auth?: Auth | undefined
  /** @defaultValue plain TCP */
  readonly tls?: Tls | undefined
  /** Milliseconds. */
  readonly timeouts?: {
    /** For a whole connection: name, TCP, TLS, authentication. @defaultValue 5000 */
    readonly connect?: number
    /** For each command, waiting for a connection included. @defaultValue 2000 */
    readonly command?: number
  }
  /**
   * Told once of each server that is not among those of the deployment, lies on another machine and was connected over plain
   * TCP, as `host:port`. Must not throw.
   */
  readonly onPlain?: ((address: string) => void) | undefined
  /** @defaultValue the primary alone confirms */
  readonly durability?: Durability | undefined
}
