/** A real OpenID provider on loopback with one client, which lets in whoever comes: `node provider.ts PORT CALLBACK-URL`. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { Provider } from 'oidc-provider'
import { client } from './client.ts'

const [port, callback = ''] = process.argv.slice(2)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const hour = 3600
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [callback] }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  pkce: { required: () => false },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  ttl: { AccessToken: hour, Grant: hour, IdToken: hour, Interaction: hour, Session: hour },
})
provider.listen(Number(port), '127.0.0.1')
