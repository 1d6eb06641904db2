/** Loaded before a module of the documentation: a server listens on a free port instead, and ends after one answer. */
import { type AddressInfo, Server } from 'node:net'

const { listen } = Server.prototype

Server.prototype.listen = function (this: Server) {
  this.once('listening', async () => {
    const answer = await fetch(`http://127.0.0.1:${(this.address() as AddressInfo).port}/`)
    process.exit(answer.ok && answer.headers.getSetCookie().length === 1 ? 0 : 1)
  })
  return Reflect.apply(listen, this, [0, '127.0.0.1'])
} as Server['listen']
