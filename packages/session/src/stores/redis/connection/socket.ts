/** Opens a socket to a server: name, TCP, TLS, each step with its own reason when it fails. */
import { BlockList, connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Node, Tls } from '../options.ts'
import { broken, StoreFailure } from './failure.ts'
import type { ConnectionPorts } from './ports.ts'

/** More addresses behind one name than this are not tried. */
const mostAddresses = 32

/** The addresses to try for a node, at least one. @throws StoreFailure `dns` */
export async function addressesOf({ host, port }: Node, ports: ConnectionPorts): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await ports.lookup(host).catch((error: unknown) => {
    throw broken(`${host}:${port}`, error, 'dns')
  })
  if (found.length === 0) throw new StoreFailure('dns', `The name "${host}" has no address.`, { notExecuted: true })
  return found.slice(0, mostAddresses)
}

/** What is sent to this address does not leave the machine. */
export function isOwnAddress(address: string): boolean {
  return isIP(address) !== 0 && loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Of IPv4 in IPv6 too. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** A connected socket. Destroyed when `signal` aborts before that. @throws StoreFailure `tcp` */
export async function openTcp(node: Node, address: string, signal: AbortSignal): Promise<Socket> {
  const options = { host: address, port: node.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }
  const socket = connectTcp(options)
  await reached(socket, 'connect', 'tcp', node, signal)
  return socket
}

/** The same with TLS in it. Destroyed when `signal` aborts before that. @throws StoreFailure `tls` */
export async function secured(plain: Socket, node: Node, tls: Tls, signal: AbortSignal): Promise<Socket> {
  const socket = begun(plain, node, tls)
  await reached(socket, 'secureConnect', 'tls', node, signal)
  return socket
}

function begun(socket: Socket, { host, port }: Node, tls: Tls): Socket {
  try {
    const client = tls.client?.()
    const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
    return connectTls({
      socket,
      host,
      ...(servername !== undefined && { servername }),
      ...(tls.ca !== undefined && { ca: [...tls.ca()] }),
      ...(client !== undefined && { cert: client.certificate, key: client.key }),
      rejectUnauthorized: tls.insecureSkipVerify !== true,
    })
  } catch (error) {
    throw broken(`${host}:${port}`, error, 'tls')
  }
}

/** Waits for an event of a socket; its error or end, or the signal, comes as a failure of this step. */
function reached(socket: Socket, event: string, step: 'tcp' | 'tls', { host, port }: Node, signal: AbortSignal) {
  return new Promise<void>((resolve, reject) => {
    const done = () => {
      socket.off(event, arrived).off('error', failed).off('close', closed)
      signal.removeEventListener('abort', aborted)
    }
    const arrived = () => {
      done()
      resolve()
    }
    const failed = (error: unknown) => {
      done()
      socket.on('error', () => {})
      socket.destroy()
      reject(broken(`${host}:${port}`, error, step))
    }
    const closed = () => failed(new Error('the other side closed it.'))
    const aborted = () => failed(signal.reason)
    socket.on(event, arrived).on('error', failed).on('close', closed)
    signal.addEventListener('abort', aborted)
    if (signal.aborted) aborted()
  })
}
