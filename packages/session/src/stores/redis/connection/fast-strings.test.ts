import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** In a process of its own, since what V8 has made of strings there is what was loaded there. */
function run(code: string): string {
  const command = ['--allow-natives-syntax', '--no-warnings', '--input-type=module', '--eval', code]
  return execFileSync(process.execPath, command, { encoding: 'utf8' }).trim()
}

test('with ioredis loaded, strings have their methods where V8 finds them fast', () => {
  const client = JSON.stringify(new URL('client.ts', import.meta.url))
  expect(run(`await import(${client}); console.log(%HasFastProperties(String.prototype))`)).toBe('true')
})
