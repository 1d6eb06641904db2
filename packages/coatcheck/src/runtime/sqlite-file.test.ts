/** What befalls the file of a SQLite store, seen by visitors of the running program. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { model, routeTo, session } from './fixtures/model.ts'
import { type RunningProgram, startProgram } from './fixtures/program.ts'
import { startUpstream, type Upstream } from './fixtures/upstream.ts'

let upstream: Upstream
let folder: string
beforeAll(async () => {
  upstream = await startUpstream()
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-file-'))
})
afterAll(() => {
  upstream.close()
  rmSync(folder, { recursive: true })
})

const start = (file: string) =>
  startProgram(
    model(upstream.url, {
      workers: 2,
      internal: { address: { host: '127.0.0.1', port: 0 } },
      stores: [{ kind: 'sqlite', name: 'main', file }],
      sessions: [session('default', 'main')],
      routes: [routeTo('app', { middleware: [{ kind: 'session', session: 'default' }] })],
    }),
  )

/** Over a connection of its own, which the workers take in turn. */
function visit({ web }: RunningProgram, cookie = ''): Promise<{ status: number; cookie: string }> {
  const [host, port] = web.split(':')
  return new Promise((resolve, reject) =>
    request({ host, port, agent: false, headers: { cookie } }, (response) => {
      const [set = ''] = response.headers['set-cookie'] ?? []
      response.resume().once('end', () => resolve({ status: response.statusCode!, cookie: set.split(';')[0]! }))
    })
      .once('error', reject)
      .end(),
  )
}
const visits = async (program: RunningProgram, cookie: string, count = 12) => {
  for (let done = 0; done < count; done += 1) {
    expect(await visit(program, cookie)).toEqual({ status: 200, cookie: '' })
  }
}

test('a lock that stays is 503 for those who are to be written, and for nobody else', async () => {
  const file = join(folder, 'locked.db')
  await using program = await start(file)
  const { cookie } = await visit(program)
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const newcomers = Promise.all(Array.from({ length: 10 }, () => visit(program)))
  await visits(program, cookie)
  expect((await fetch(`http://${program.started.internal}/livez`)).status).toBe(200)
  expect(await newcomers).toEqual(Array(10).fill({ status: 503, cookie: '' }))
  holder.close()
  expect((await visit(program)).status).toBe(200)
})

test('workers do not split over a file that is moved away, and sessions are back when it is', async () => {
  const file = join(folder, 'moved.db')
  await using program = await start(file)
  const before = (await visit(program)).cookie
  await visits(program, before)

  renameSync(file, `${file}.away`)
  let after = ''
  await expect.poll(async () => (after = (await visit(program, before)).cookie), { timeout: 15_000 }).not.toBe('')
  await visits(program, after)

  renameSync(`${file}.away`, file)
  await expect.poll(async () => (await visit(program, after)).cookie, { timeout: 15_000 }).not.toBe('')
  await visits(program, before)
})
