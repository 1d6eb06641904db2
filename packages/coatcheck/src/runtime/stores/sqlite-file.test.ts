/** What befalls the file of a SQLite store, seen by visitors of the running program. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelWithFile } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { visit } from '../fixtures/visit.ts'

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

const start = (file: string) => startProgram(modelWithFile(upstream.url, file, 2))

const visits = async ({ web }: RunningProgram, cookie: string, count = 12) => {
  for (let done = 0; done < count; done += 1) {
    expect(await visit(web, cookie)).toEqual({ status: 200, cookie: '' })
  }
}

test('a lock that stays is 503 for those who are to be written, and for nobody else', async () => {
  const file = join(folder, 'locked.db')
  await using program = await start(file)
  const { cookie } = await visit(program.web)
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const newcomers = Promise.all(Array.from({ length: 10 }, () => visit(program.web)))
  await visits(program, cookie)
  expect((await fetch(`http://${program.started.internal}/livez`)).status).toBe(200)
  expect(await newcomers).toEqual(Array(10).fill({ status: 503, cookie: '' }))
  holder.close()
  expect((await visit(program.web)).status).toBe(200)
})

test('workers do not split over a file that is moved away, and sessions are back when it is', async () => {
  const file = join(folder, 'moved.db')
  await using program = await start(file)
  const before = (await visit(program.web)).cookie
  await visits(program, before)

  renameSync(file, `${file}.away`)
  let after = ''
  await expect.poll(async () => (after = (await visit(program.web, before)).cookie), { timeout: 15_000 }).not.toBe('')
  await visits(program, after)

  renameSync(`${file}.away`, file)
  await expect.poll(async () => (await visit(program.web, after)).cookie, { timeout: 15_000 }).not.toBe('')
  await visits(program, before)
})
