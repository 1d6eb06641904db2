/** Nothing in the documentation gets around being tried: commands within a line exist, and all other code is in fenced blocks. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freePort } from '../running/free-port.ts'
import { root, startGateway } from '../running/gateway.ts'
import { documents } from './blocks.ts'
import { hiddenCode, inlineCommands, problemOf } from './inline.ts'

const textOf = (file: string) => readFileSync(join(root, file), 'utf8')

describe('code stands in fenced blocks, which are tried', () => {
  test.each(documents())('%s', (file) => {
    expect(hiddenCode(textOf(file))).toEqual([])
  })

  test.each([
    '~~~sh\nrm -rf /\n~~~\n',
    'So:\n\n    ./coatcheck --wrong\n',
    'So:\n\n\t./coatcheck --wrong\n',
    '<pre>./coatcheck --wrong</pre>\n',
    'Run <code>./coatcheck --wrong</code>.\n',
    '> ```sh\n> ./coatcheck --wrong\n> ```\n',
  ])('%j is refused', (text) => {
    expect(hiddenCode(text)).not.toEqual([])
  })

  test('a fenced block may hold anything, and a paragraph may go on indented', () => {
    expect(hiddenCode('```sh\n\n    indented\n~~~\n<pre>\n```\n- an item\n    that goes on\n')).toEqual([])
  })
})

describe('commands within a line exist, with all that is given to them', () => {
  const all = documents().flatMap((file) =>
    inlineCommands(textOf(file)).map(({ line, text }) => ({ place: `${file}:${line}`, text })),
  )
  test.each(all)('$place $text', ({ text }) => expect(problemOf(text)).toBeUndefined())

  test('they are found in tables, over two lines, and between two backticks', () => {
    const text =
      '| `./coatcheck --help` | x |\n\nRun `make\ntest`, ``kill -HUP``, `node` or `coatcheck`.\n\n```sh\n`make no`\n```\n'
    expect(inlineCommands(text)).toEqual([
      { line: 1, text: './coatcheck --help' },
      { line: 3, text: 'make test' },
      { line: 4, text: 'kill -HUP' },
    ])
  })

  test.each([
    './coatcheck serve',
    './coatcheck check --wrong',
    './coatcheck check --format yaml',
    './coatcheck explain GET',
    './coatcheck help serve',
    './coatcheck sessions forget',
    './coatcheck sessions list --wrong',
    'make nothing',
    'kill -FOO',
    'node bench/nowhere.ts',
    'node bench/request/run.ts --wrong 3',
    'curl http://localhost:8080',
    'npm run build',
  ])('%s is refused', (command) => {
    expect(inlineCommands(`Run \`${command}\`.`)).toHaveLength(1)
    expect(problemOf(command)).toEqual(expect.any(String))
  })
})

test('README, "Operate it": paths of the internal listener, a reload by HUP, and a line for each request are as it says', async () => {
  const section = textOf('README.md').split('## Operate it')[1]!.split('\n## ')[0]!
  const paths = [...section.matchAll(/`(\/[a-z]+)`/g)].map(([, path]) => path!)
  expect(paths).toEqual(['/livez', '/readyz', '/startupz', '/metrics', '/status'])
  const [web, internal] = [await freePort(), await freePort()]
  const yaml = `name: docs\ninternal: { address: "127.0.0.1:${internal}" }\nlisteners: { web: "127.0.0.1:${web}" }\nroutes: []\n`
  const gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${web}/first` })
  try {
    const inside = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${internal}${path}`)
      return { status: answer.status, text: await answer.text() }
    }
    for (const path of paths) expect([path, (await inside(path)).status]).toEqual([path, 200])
    gateway.child.kill('SIGHUP')
    await expect
      .poll(async () => (await inside('/metrics')).text, { timeout: 15_000 })
      .toContain('coatcheck_config_reloads_total{result="success"} 2\n')
    expect(await gateway.line(({ url }) => (url as { path: string }).path === '/first')).toHaveProperty('ecs.version')
  } finally {
    expect(await gateway.stop()).toBe(0)
  }
})
