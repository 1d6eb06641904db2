/** A Redis or Valkey in any deployment, as one connection. */
import { sessionDefaults } from '../../../defaults.ts'
import type { ConnectionOptions, Node } from '../options.ts'
import { pacing } from './backoff.ts'
import { cluster } from './cluster.ts'
import type { ConnectionState, RedisConnection } from './connection.ts'
import { dispatch } from './dispatch.ts'
import { type Durable, durableLines } from './durable.ts'
import { StoreFailure } from './failure.ts'
import type { Greeting } from './greet.ts'
import type { Kept, Open } from './keep.ts'
import type { Link } from './link.ts'
import { nodes } from './nodes.ts'
import { type Access, nameOf, openLink } from './open-link.ts'
import { type ConnectionPorts, realPorts } from './ports.ts'
import { replicated } from './replicated.ts'
import { sentinel } from './sentinel.ts'
import { isOwnAddress } from './socket.ts'
import { standalone } from './standalone.ts'
import type { Surroundings, Topology } from './topology.ts'
import { waiting } from './waiting.ts'

const { timeouts: usual } = sessionDefaults.redis
/** For each of several nodes that could answer alike: one that is dead must not keep us from the next. */
const memberWithin = 1000

/**
 * Connects in the background, and for ever: what is asked meanwhile waits for it, within its time.
 *
 * Never throws; a wrong address or password shows in `state` and in every command.
 */
export function connect(options: ConnectionOptions, given: Partial<ConnectionPorts> = {}): RedisConnection {
  const ports: ConnectionPorts = { ...realPorts, ...given }
  const access = accessOf(options)
  const tell = plainTeller(options)
  const open: Open = async (node, signal) => {
    const link = await openLink(node, access, ports, signal)
    tell(node)
    return link
  }
  const sleepers = waiting(ports)
  const closing = new AbortController()
  let state: ConnectionState | undefined
  const changed = () => {
    if (topology === undefined || closing.signal.aborted) return
    state = stateAfter(state, topology.failure(), ports)
    primaries.look()
    durable?.follow(topology.primaries())
    sleepers.wake()
  }
  let topology: Topology | undefined
  const shape = topologyOf(options, access, { open, changed, ports, pace: pacing(ports) })
  topology = shape
  const primaries = nodes(shape.primaries, (kept) => open(kept.node, closing.signal), access.command)
  const commands = dispatch(shape, sleepers, access.command, ports)
  const durable = durableOver(options, (kept) => open(kept.node, closing.signal), access, ports)
  changed()
  return {
    run: commands.run,
    runDurably:
      durable && ((script, key, args, within) => commands.runThrough(durable.send, script, key, args, { within })),
    call: commands.call,
    primaries: primaries.list,
    onPrimaries: primaries.onChange,
    get state() {
      return state as ConnectionState
    },
    async close() {
      closing.abort(new StoreFailure('closed', 'The Redis store was closed.', { notExecuted: true }))
      commands.close()
      durable?.close()
      shape.close()
      state = { up: false, reason: 'closed', message: 'The Redis store was closed.', since: ports.wallClock() }
    },
  }
}

/** Tells of servers that others named and that are reached plainly. Of those of the deployment who wrote it knows. */
function plainTeller({ deployment, tls, onPlain }: ConnectionOptions): (node: Node) => void {
  if (tls !== undefined || onPlain === undefined) return () => {}
  const nodes = deployment.kind === 'standalone' ? [deployment.node] : deployment.nodes
  const known = new Set(nodes.map(nameOf))
  return (node) => {
    const address = nameOf(node)
    if (known.has(address) || isOwnAddress(node.host) || /(?:^|\.)localhost\.?$/.test(node.host)) return
    known.add(address)
    onPlain(address)
  }
}

function durableOver(
  { deployment, durability }: ConnectionOptions,
  open: (kept: Kept) => Promise<Link>,
  { command }: Access,
  ports: ConnectionPorts,
): Durable | undefined {
  if (durability === undefined) return undefined
  const { replicas, timeout } = durability
  return durableLines({ open, replicas, timeout, command, sharded: deployment.kind === 'cluster', ports })
}

function topologyOf(options: ConnectionOptions, access: Access, around: Surroundings): Topology {
  const { deployment } = options
  switch (deployment.kind) {
    case 'standalone':
      return standalone(deployment.node, around)
    case 'sentinel': {
      const forSentinels = sentinelAccess(options, access)
      const open: Open = (node, signal) => openLink(node, forSentinels, around.ports, signal)
      return sentinel(deployment.masterName, deployment.nodes, open, around)
    }
    case 'cluster':
      return cluster(deployment.nodes, around)
    case 'replicated':
      return replicated(deployment.nodes, around)
  }
}

function sentinelAccess({ deployment }: ConnectionOptions, access: Access): Access {
  const { auth, tls } = deployment as Extract<ConnectionOptions['deployment'], { kind: 'sentinel' }>
  return {
    auth: auth === false ? undefined : (auth ?? access.auth),
    tls: tls === false ? undefined : (tls ?? access.tls),
    unfit: ({ mode }) => (mode !== undefined && mode !== 'sentinel' ? 'is no sentinel.' : undefined),
    connect: Math.min(access.connect, memberWithin),
    command: access.command,
  }
}

function accessOf({ deployment, auth, tls, timeouts }: ConnectionOptions): Access {
  const connect = timeouts?.connect ?? usual.connect
  return {
    auth,
    tls,
    database: 'database' in deployment ? deployment.database : undefined,
    unfit: unfitFor[deployment.kind],
    connect: deployment.kind === 'cluster' ? Math.min(connect, memberWithin) : connect,
    command: timeouts?.command ?? usual.command,
  }
}

const notSentinel = ({ mode }: Greeting) =>
  mode === 'sentinel'
    ? 'is a sentinel, not a server that holds data. Its port is usually 26379; theirs is 6379.'
    : undefined
const onlyPrimary = (greeting: Greeting) =>
  notSentinel(greeting) ?? (greeting.role === 'replica' ? 'is a replica, which takes no writes.' : undefined)

const unfitFor: { readonly [K in ConnectionOptions['deployment']['kind']]: Access['unfit'] } = {
  standalone: onlyPrimary,
  sentinel: onlyPrimary,
  replicated: notSentinel,
  cluster: (greeting) =>
    notSentinel(greeting) ?? (greeting.mode === 'standalone' ? 'is no part of a cluster.' : undefined),
}

function stateAfter(
  before: ConnectionState | undefined,
  failure: StoreFailure | undefined,
  ports: ConnectionPorts,
): ConnectionState {
  if (failure === undefined) return before?.up ? before : { up: true }
  const { reason, message } = failure
  const since = before === undefined || before.up ? ports.wallClock() : before.since
  return { up: false, reason, message, since }
}
