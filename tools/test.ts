/** `make test`: types, lint, import rules and the tests; everything runs, whatever fails before. Ends with one line of counts. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { add, type Counts, countTests, summary } from './counts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const results = '.make/vitest.json'

const checks = {
  types: ['node_modules/typescript/bin/tsc', '--noEmit'],
  lint: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  imports: ['tools/check-imports.ts'],
}
const tests = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
]

process.chdir(root)
mkdirSync('.make', { recursive: true })
let counts = Object.entries(checks).map(([name, command]) => check(name, command))
if (!process.argv.includes('--only-checks')) counts = [...counts, runTests()]
const total = counts.reduce(add)
writeFileSync('.make/summary', `${summary(total)}\n`)
if (total.skipped > 0) console.log(`${total.skipped} skipped`)
console.log(summary(total))
process.exitCode = total.failed > 0 ? 1 : 0

/** One check counts as one test. */
function check(name: string, command: readonly string[]): Counts {
  const before = performance.now()
  const passed = succeeds(command)
  console.log(`${passed ? '✓' : '✗'} ${name} (${((performance.now() - before) / 1000).toFixed(1)} s)`)
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 }
}

function runTests(): Counts {
  rmSync(results, { force: true })
  const passed = succeeds(tests)
  return countTests(readResults(), passed)
}

function readResults(): string | undefined {
  try {
    return readFileSync(results, 'utf8')
  } catch {
    return undefined
  }
}

function succeeds(command: readonly string[]): boolean {
  return spawnSync(process.execPath, command, { stdio: 'inherit' }).status === 0
}
