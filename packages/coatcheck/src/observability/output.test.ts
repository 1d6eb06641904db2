import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const program = fileURLToPath(new URL('testing/logging-process.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'output-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Pipes, not the sockets that Node makes: `sh` connects them. */
function inShell(command: string, ...values: string[]): ChildProcess {
  return spawn('sh', ['-c', command, 'sh', process.execPath, program, ...values], { stdio: ['ignore', 'pipe', 'pipe'] })
}

function numbers(output: string): number[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).number)
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

test('process.exit() loses no line: a pipe', async () => {
  const child = inShell('"$1" "$2" 500 exit | cat')
  expect(numbers(await text(child.stdout!))).toEqual(upTo(500))
})

test('process.exit() loses no line: a socket', async () => {
  const child = spawn(process.execPath, [program, '500', 'exit'], { stdio: ['ignore', 'pipe', 'inherit'] })
  expect(numbers(await text(child.stdout))).toEqual(upTo(500))
})

test('process.exit() loses no line: a file', async () => {
  const file = join(folder, 'file.log')
  const fd = openSync(file, 'a')
  await once(spawn(process.execPath, [program, '500', 'exit'], { stdio: ['ignore', fd, 'inherit'] }), 'exit')
  closeSync(fd)
  expect(numbers(readFileSync(file, 'utf8'))).toEqual(upTo(500))
})

test('the end of the program loses no line', async () => {
  const child = inShell('"$1" "$2" 500 end | cat')
  expect(numbers(await text(child.stdout!))).toEqual(upTo(500))
})

test('a pipe that nobody reads holds up neither work nor exit, and its lost lines are counted', async () => {
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  // Open for both, and never read.
  const child = inShell('exec 3<>"$3"; "$1" "$2" 30000 report >&3; echo "exit $?" >&2', fifo)
  const report = await text(child.stderr!)
  const { lag, dropped } = JSON.parse(report.split('\n')[0]!)
  expect(lag).toBeLessThan(10_000)
  expect(dropped).toBeGreaterThan(10_000)
  expect(report).toMatch(/exit 7\n$/)
})

// Only root can be two users.
test.skipIf(process.getuid?.() !== 0)(
  "another user's pipe, as a container engine's, holds up nothing either",
  async () => {
    const fifo = join(folder, 'foreign')
    execFileSync('mkfifo', ['-m', '600', fifo])
    const asNobody = 'setpriv --reuid=65534 --clear-groups "$1" "$2" 30000 report >&3'
    const child = inShell(`exec 3<>"$3"; ${asNobody}; echo "exit $?" >&2`, fifo)
    const report = await text(child.stderr!)
    expect(JSON.parse(report.split('\n')[0]!).dropped).toBeGreaterThan(10_000)
    expect(report).toMatch(/exit 7\n$/)
  },
)

test('a socket that nobody reads holds up neither work nor exit', async () => {
  const child = spawn(process.execPath, [program, '30000', 'report'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const report = text(child.stderr)
  expect((await once(child, 'exit'))[0]).toBe(7)
  expect(JSON.parse(await report).dropped).toBeGreaterThan(10_000)
})

test('a reader that leaves ends nothing', async () => {
  const child = inShell('{ "$1" "$2" 2000 exit; echo "exit $?" >&2; } | head -n 1')
  const [report, out] = await Promise.all([text(child.stderr!), text(child.stdout!)])
  expect(numbers(out)).toEqual([0])
  expect(report).toBe('exit 7\n')
})

test('lines of processes that share a pipe never mix', async () => {
  const child = inShell('{ "$1" "$2" 4000 shared & "$1" "$2" 4000 shared & wait; } | cat')
  const seen = new Map<number, number[]>()
  for (const line of (await text(child.stdout!)).trimEnd().split('\n')) {
    const { pid, number } = JSON.parse(line)
    seen.set(pid, [...(seen.get(pid) ?? []), number])
  }
  expect(seen.size).toBe(2)
  // who exits does not wait for a reader that is late, so the last ones may be missing; order and wholeness may not
  for (const numbers of seen.values()) expect(numbers).toEqual(upTo(numbers.length))
})
