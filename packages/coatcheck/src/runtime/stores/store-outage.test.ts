import { mkdtempSync, rmSync } from 'node:fs'
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
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-outage-'))
})
afterAll(() => {
  upstream.close()
  rmSync(folder, { recursive: true })
})

async function storeUp(program: RunningProgram): Promise<string | undefined> {
  const text = await (await fetch(`http://${program.started.internal}/metrics`)).text()
  return /^coatcheck_store_up\{store="main"\} (.*)$/m.exec(text)?.[1]
}

const said = (program: RunningProgram, text: string) => program.log().split(text).length - 1
const patient = { timeout: 15_000 }

test.each([1, 2])(
  'an outage is seen in metrics, status and log, once, and so is its end, with %i worker(s)',
  async (workers) => {
    const file = join(folder, `sessions-${workers}.db`)
    const sql = (statement: string) => {
      const database = new DatabaseSync(file, { timeout: 10_000 })
      database.exec(statement)
      database.close()
    }
    await using program = await startProgram(modelWithFile(upstream.url, file, workers))
    expect(await storeUp(program)).toBe('1')
    const { cookie } = await visit(program.web)

    sql('ALTER TABLE records RENAME TO away')
    for (let i = 0; i < 4; i++) expect((await visit(program.web, cookie)).status).toBe(503)
    await expect.poll(() => storeUp(program), patient).toBe('0')
    await expect
      .poll(async () => (await program.status()).stores[0], patient)
      .toEqual({
        name: 'main',
        kind: 'sqlite',
        state: 'down',
        reason: expect.stringContaining('no such table'),
        full: false,
      })
    expect((await fetch(`http://${program.started.internal}/readyz`)).status).toBe(200)
    await expect.poll(() => said(program, 'Store \\"main\\" is down'), patient).toBe(1)
    expect(program.log()).toMatch(/"code":"store-unavailable","message":"[^}]*no such table/)

    sql('ALTER TABLE away RENAME TO records')
    await expect.poll(() => storeUp(program), patient).toBe('1')
    await expect.poll(async () => (await program.status()).stores[0]?.state, patient).toBe('up')
    await expect.poll(() => said(program, 'Store \\"main\\" is back; it was down for'), patient).toBe(1)
    expect(await visit(program.web, cookie)).toEqual({ status: 200, cookie: '' })
    expect(said(program, 'Store \\"main\\" is down')).toBe(1)
  },
)
