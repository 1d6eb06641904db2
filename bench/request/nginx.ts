/** nginx twice: as the upstream that answers with static bytes, and as the plain proxy that we measure ourselves against. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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
 * Answers `/100` with 100 bytes and `/10240` with 10 KB, and signs a person in at `/sign-in` by a response header that the
 * gateway captures. Returns the path of its configuration, which lies with all its files in `parent`.
 */
export async function upstreamConfiguration(parent: string, port: number): Promise<string> {
  const folder = await made(parent, 'upstream')
  for (const size of [100, 10_240]) await writeFile(join(folder, String(size)), 'x'.repeat(size))
  return save(
    folder,
    `${head(folder)} http { ${scratch(folder)} sendfile on; open_file_cache max=10;
      server { listen 127.0.0.1:${port}; root ${folder}; location / {}
        location = /sign-in { add_header X-Auth-User bench; return 200 ok; } } }`,
  )
}

/** A plain reverse proxy with kept-alive upstream connections. */
export async function proxyConfiguration(parent: string, port: number, upstreamPort: number): Promise<string> {
  const folder = await made(parent, 'proxy')
  return save(
    folder,
    `${head(folder)} http { ${scratch(folder)}
      upstream app { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }`,
  )
}

async function made(parent: string, name: string): Promise<string> {
  const folder = join(parent, name)
  await mkdir(folder)
  return folder
}

async function save(folder: string, text: string): Promise<string> {
  const file = join(folder, 'nginx.conf')
  await writeFile(file, text)
  return file
}
