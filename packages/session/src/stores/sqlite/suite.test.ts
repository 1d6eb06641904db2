import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { recordStoreSuite } from '../../testing/index.ts'
import { sqliteRecords } from './index.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-suite-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

describe('the record store suite', () => {
  const open = (clock: () => number) => sqliteRecords({ file: join(folder, 'sessions.db'), clock })
  for (const { name, run } of recordStoreSuite({ open })) test(name, run)
})
