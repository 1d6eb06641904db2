import fc from 'fast-check'
import { expect, test } from 'vitest'
import { broken, refused } from './failure.ts'

const sha = 'a'.repeat(40)

test.each([
  ['NOPERM User shop has no permissions', 'forbidden', true],
  ['WRONGPASS invalid username-password pair', 'auth', true],
  ['NOAUTH Authentication required.', 'auth', true],
  ['READONLY You can not write', 'role', true],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'full', true],
  ['LOADING Redis is loading the dataset in memory', 'busy', true],
  ['BUSY Redis is busy running a script.', 'busy', true],
  ['ERR max number of clients reached', 'busy', true],
  ['DENIED Redis is running in protected mode', 'forbidden', true],
  ['MISCONF Redis is configured to save', 'busy', true],
  ['ERR wrong number of arguments', 'protocol', false],
  ['WRONGTYPE Operation against a key', 'protocol', false],
  // Commands of the script that stand before may have been done.
  [`OOM command not allowed. script: ${sha}, on @user_script:1.`, 'full', false],
  [`ERR Error running script (call to f_${sha}): @user_script:1: -READONLY You can not write`, 'role', false],
])('%s', (text, reason, notExecuted) => {
  expect(refused('redis:6379', text)).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', reason, notExecuted })
})

test.each([
  ["ERR unknown command 'EVALSHA'", true],
  ["ERR unknown subcommand 'SLOTS'", true],
  [`ERR Unknown Redis command called from script script: ${sha}, on @user_script:2.`, false],
  [`ERR ACL failure in script: User shop has no permissions script: ${sha}, on @user_script:2.`, false],
  [`ERR Error running script (call to f_${sha}): @user_script:1: The user executing the script can't run this`, false],
])('a server that lacks a command forbids it: %s', (text, notExecuted) => {
  expect(refused('redis:6379', text)).toMatchObject({ reason: 'forbidden', notExecuted })
})

test('a password that a server repeats is not shown, and of what it says to a greeting the first word alone is', () => {
  const secrets = ['hunter2']
  expect(refused('redis:6379', 'ERR hunter2 is not hunter2', { command: 'PING', secrets }).message).toBe(
    'Redis at redis:6379 refused: ERR [secret] is not [secret]',
  )
  const words = 'WRONGPASS of bob is not aHVudGVyMg=='
  expect(refused('redis:6379', words, { command: 'HELLO' }).message).toBe(
    'Redis at redis:6379 refused HELLO: WRONGPASS',
  )
  expect(refused('redis:6379', 'hunter2', { command: 'AUTH', secrets }).message).not.toContain('hunter2')
  expect(refused('redis:6379', 'MOVED 1 redis:6380', { secrets: ['6380'] }).message).toContain('MOVED 1 redis:6380')
})

test('arguments that a server repeats are not shown', () => {
  const failure = refused('redis:6379', "ERR unknown command 'HELLO', with args beginning with: '2' 'AUTH' 'hunter2'")
  expect(failure.message).toBe("Redis at redis:6379 refused: ERR unknown command 'HELLO'")
})

test.each([
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['ECONNREFUSED', 'tcp'],
  ['EHOSTUNREACH', 'tcp'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls'],
  ['ERR_OSSL_PEM_NO_START_LINE', 'tls'],
  ['ECONNRESET', 'closed'],
])('%s is a failure of %s', (code, reason) => {
  expect(broken('redis:6379', Object.assign(new Error('it failed'), { code }))).toMatchObject({ reason })
})

test('anything thrown becomes a failure, and messages stay short', () => {
  fc.assert(fc.property(fc.anything(), (thrown) => broken('redis:6379', thrown).code === 'ERR_STORE_UNAVAILABLE'))
  fc.assert(fc.property(fc.string({ maxLength: 5000 }), (text) => refused('redis:6379', text).message.length < 400))
})
