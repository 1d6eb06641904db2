/** nginx twice: as the upstream that answers with static bytes, and as the plain proxy that we measure ourselves against. */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { freePort } from '../../test/running/free-port.ts'
import { listening, type Measured } from './process.ts'
import { cores, type Stage } from './stage.ts'

const head = (folder: string) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log warn;
events { worker_connections 4096; }
`
const scratch = (folder: string) => `
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; server_tokens off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi; default_type text/plain;
`

/**
 * Answers `/100` with 100 bytes and `/10240` with 10 KB, and signs a person in at `/sign-in` by response headers that the
 * gateway captures: who it is, and a `cart` of 2 KB. Gives its port.
 */
export async function startUpstream(stage: Stage): Promise<number> {
  const port = await freePort()
  const folder = await made(stage.folder, 'upstream')
  for (const size of [100, 10_240]) await writeFile(join(folder, String(size)), 'x'.repeat(size))
  const signIn = `add_header X-Auth-User bench; add_header X-Cart ${'x'.repeat(2048)}; return 200 ok;`
  await start(
    stage,
    cores.load,
    folder,
    `sendfile on; open_file_cache max=10;
      server { listen 127.0.0.1:${port}; root ${folder}; location / {} location = /sign-in { ${signIn} } }`,
  )
  await listening(port)
  return port
}

export interface Plain {
  readonly port: number
  readonly process: Measured
}

/** A plain reverse proxy with kept-alive upstream connections. */
export async function startPlainProxy(stage: Stage, upstreamPort: number): Promise<Plain> {
  const port = await freePort()
  const process = await start(
    stage,
    cores.proxy,
    await made(stage.folder, 'proxy'),
    `upstream app { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }`,
  )
  await listening(port)
  return { port, process }
}

async function made(parent: string, name: string): Promise<string> {
  const folder = join(parent, name)
  await mkdir(folder)
  return folder
}

async function start(stage: Stage, core: number, folder: string, http: string): Promise<Measured> {
  const file = join(folder, 'nginx.conf')
  await writeFile(file, `${head(folder)} http { ${scratch(folder)} ${http} }`)
  return stage.start(core, ['nginx', '-c', file], `${basename(folder)}.log`)
}
