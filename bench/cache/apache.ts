/** Apache as a proxy with mod_auth_openidc, its sessions in Redis. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/running/free-port.ts'
import { listening, type Measured } from '../running/process.ts'
import { cores, type Stage } from '../running/stage.ts'
import { client } from './client.ts'
import { signInAtProvider } from './visitor.ts'

const modules = '/usr/lib/apache2/modules'

/** Whether this machine has it, as Debian packs it. */
export const hasApache = existsSync('/usr/sbin/apache2') && existsSync(`${modules}/mod_auth_openidc.so`)

export interface Apache {
  readonly port: number
  readonly process: Measured
  /** The `Cookie` header of each session. */
  readonly cookies: readonly string[]
}

/** Starts it, and signs people in at a provider that runs until then. */
export async function startApache(
  stage: Stage,
  upstreamPort: number,
  redisPort: number,
  sessions: number,
): Promise<Apache> {
  const [port, providerPort] = [await freePort(), await freePort()]
  const provider = await startProvider(stage, providerPort, `http://127.0.0.1:${port}/callback`)
  const folder = join(stage.folder, 'apache')
  await mkdir(folder)
  const file = join(folder, 'apache.conf')
  await writeFile(file, configuration({ folder, port, upstreamPort, redisPort, providerPort }))
  const process = stage.start(cores.proxy, ['/usr/sbin/apache2', '-DFOREGROUND', '-f', file], 'apache.log')
  await listening(port)
  const cookies: string[] = []
  for (let index = 0; index < sessions; index += 1) {
    const all = await signInAtProvider(`http://127.0.0.1:${port}/100`, `person${index}`)
    cookies.push(`${sessionCookie}=${all.get(sessionCookie)}`)
  }
  await provider.stop()
  return { port, process, cookies }
}

async function startProvider(stage: Stage, port: number, callback: string): Promise<Measured> {
  const program = fileURLToPath(new URL('provider.ts', import.meta.url))
  const provider = stage.start(cores.load, [process.execPath, program, String(port), callback], 'provider.log')
  await listening(port)
  return provider
}

const sessionCookie = 'mod_auth_openidc_session'

interface Places {
  readonly folder: string
  readonly port: number
  readonly upstreamPort: number
  readonly redisPort: number
  readonly providerPort: number
}

/** One process with as many threads as `wrk` has connections and more, so that none is started or ended meanwhile. */
function configuration({ folder, port, upstreamPort, redisPort, providerPort }: Places): string {
  const wanted = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_openidc', 'proxy', 'proxy_http']
  return `
${wanted.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
User www-data
Group www-data
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxKeepAliveRequests 0
KeepAliveTimeout 300
ErrorLog ${folder}/error.log
CustomLog ${folder}/access.log "%h %l %u %t \\"%r\\" %>s %b"
ProxyPass /callback !
ProxyPass / http://127.0.0.1:${upstreamPort}/ keepalive=On
OIDCProviderMetadataURL http://127.0.0.1:${providerPort}/.well-known/openid-configuration
OIDCClientID ${client.id}
OIDCClientSecret ${client.secret}
OIDCRedirectURI http://127.0.0.1:${port}/callback
OIDCCryptoPassphrase ${client.secret}
OIDCSessionType server-cache
OIDCSessionInactivityTimeout 3600
OIDCCacheType redis
OIDCRedisCacheServer 127.0.0.1:${redisPort}
<Location />
  AuthType openid-connect
  Require valid-user
  OIDCUnAuthAction auth true
</Location>
`
}
