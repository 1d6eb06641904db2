/** What commands print of a configuration that refers to secrets, and of requests that carry some. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runInProcess } from './fixtures/in-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-secrets-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const coatcheck = (...args: readonly string[]) => runInProcess(args, folder, { TOK: 'sesame4', KEY: 'sesame5' })
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)

const referring = `listeners: { web: 127.0.0.1:8080 }
routes:
  - name: keyed
    match: { path: /, headers: { X-Shared: { env: KEY } }, query: { k: { file: k.txt } } }
    headers:
      request: { set: { X-Token: { env: TOK }, Authorization: { file: v.txt } }, add: { X-More: [a, { env: TOK }] } }
      response: { set: { X-Proof: { env: TOK } } }
    upstream: http://127.0.0.1:3000
`

describe('of headers whose values lie elsewhere', () => {
  beforeEach(() => {
    write('coatcheck.yaml', referring)
    write('v.txt', 'Bearer sesame6\n')
    write('k.txt', 'sesame7\n')
  })

  test.each(['yaml', 'json'])('translate --format %s prints where, not what', async (format) => {
    const { status, stdout, stderr } = await coatcheck('translate', '--format', format)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toContain('sesame')
    for (const where of ['TOK', 'KEY', 'v.txt', 'k.txt']) expect(stdout).toContain(where)
  })

  test('what translate prints means the same', async () => {
    const { stdout } = await coatcheck('translate')
    const json = (await coatcheck('translate', '--format', 'json')).stdout
    write('again.yaml', stdout)
    expect((await coatcheck('translate', '--format', 'json', '-c', 'again.yaml')).stdout).toBe(json)
  })

  test.each(['text', 'json'])('explain --format %s knows the values, and shows none', async (format) => {
    const explain = (key: string) =>
      coatcheck('explain', 'GET', 'http://localhost:8080/?k=sesame7', '-H', `X-Shared: ${key}`, '--format', format)
    const { stdout } = await explain('sesame5')
    expect(stdout).toMatch(/X-Token[\s\S]+\[secret\]/)
    expect(stdout).toMatch(format === 'json' ? /"route": "keyed"/ : /Route: "keyed"/)
    // What the asker wrote into the URL under a name like any other.
    expect(stdout.replaceAll('?k=sesame7', '')).not.toContain('sesame')
    const wrong = await explain('wrong')
    expect(wrong.stdout).toContain('the header X-Shared=[secret] is not there')
    expect(wrong.stdout).not.toContain('sesame5')
  })

  test.each([
    ['environment-missing', { from: '{ env: TOK }, Auth', to: '{ env: NONE }, Auth' }],
    ['environment-missing', { from: '{ env: KEY }', to: '{ env: NONE }' }],
    ['file-missing', { from: 'v.txt', to: 'none.txt' }],
    ['header-value-invalid', { from: 'v.txt', to: 'control.txt' }],
    ['header-value-invalid', { from: '{ env: KEY }', to: '{ file: control.txt }' }],
    ['value-missing', { from: 'v.txt', to: 'empty.txt' }],
    ['value-missing', { from: 'k.txt', to: 'empty.txt' }],
  ])('%s is told by check with its place and without the value', async (code, { from, to }) => {
    write('control.txt', 'sesame8\nX-Admin: yes\n')
    write('empty.txt', '\n')
    write('coatcheck.yaml', referring.replace(from, to))
    const { status, stdout } = await coatcheck('check')
    expect(status).toBe(1)
    expect(stdout).toMatch(new RegExp(`coatcheck\\.yaml:[46]:\\d+  error  ${code}`))
    expect(stdout).not.toContain('sesame')
  })
})

describe('explain masks', () => {
  beforeEach(() =>
    write(
      'coatcheck.yaml',
      `listeners: { web: 127.0.0.1:8080 }
routes:
  - { name: post, match: { path: /a, methods: [POST], headers: { X-Api-Key: sesame1 } }, upstream: http://127.0.0.1:3000 }
  - { name: key, match: { path: /a, headers: { X-Api-Key: sesame1 } }, upstream: http://127.0.0.1:3000 }
  - { name: code, match: { path: /a, query: { access_token: sesame2 } }, rewrite: { path: /b }, upstream: http://127.0.0.1:3000 }
  - { name: away, match: /away, redirect: { host: example.com } }
  - { name: rest, match: /, upstream: http://127.0.0.1:3000 }
`,
    ),
  )

  test.each(['text', 'json'])('what a match asks for, when it looks secret (%s)', async (format) => {
    const { stdout } = await coatcheck('explain', 'GET', 'http://localhost:8080/a', '--format', format)
    expect(stdout).toContain('header X-Api-Key=[secret]')
    expect(stdout).toContain('the query parameter access_token=[secret] is not there')
    expect(stdout).not.toContain('sesame')
  })

  test.each(['text', 'json'])('parameters with secret names, wherever the target is shown (%s)', async (format) => {
    const url = 'http://ada:sesame9@localhost:8080/a?x=1&access_token=sesame2&next=%2Fcb%3Fcode%3Dsesame3#token=sesame3'
    const referer = 'Referer: https://idp.example/cb?state=2&code=sesame3'
    const { stdout } = await coatcheck('explain', 'GET', url, '-H', referer, '--format', format)
    expect(stdout).toContain('/a?x=1&access_token=***&next=***')
    expect(stdout).toContain('makes the target /b?x=1&access_token=***&next=***')
    expect(stdout).toContain('https://idp.example/cb?state=2&code=***')
    expect(stdout).not.toContain('sesame')
  })

  test('parameters of where a redirect leads', async () => {
    const { stdout } = await coatcheck('explain', 'GET', 'http://localhost:8080/away?token=sesame2&x=1')
    expect(stdout).toContain('leads to http://example.com:8080/away?token=***&x=1')
    expect(stdout).not.toContain('sesame')
  })

  test('nothing else', async () => {
    const { stdout } = await coatcheck(
      'explain',
      'GET',
      'http://localhost:8080/c?q=tea&page=2',
      '-H',
      'Referer: http://a/?b=c',
    )
    expect(stdout).toContain('GET http://localhost:8080/c?q=tea&page=2\n')
    expect(stdout).toContain('  GET /c?q=tea&page=2\n')
    expect(stdout).toContain('Referer: http://a/?b=c\n')
  })
})
