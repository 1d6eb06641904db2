/** TypeScript of the documentation: each block is a module of its own, which is checked and run as it stands. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../running/gateway.ts'
import type { Block } from './blocks.ts'

// Inside the project, so that its packages are found by their names.
const folder = join(root, 'test/docs/.blocks')
const serveOnce = fileURLToPath(new URL('./serve-once.ts', import.meta.url))

const fileOf = ({ place }: Block) => join(folder, `${place.replaceAll(/[^\w]+/g, '-')}.ts`)

/** Writes all of them; gives what the compiler says. */
export function compileModules(blocks: readonly Block[]): string {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const block of blocks) writeFileSync(fileOf(block), block.text)
  const settings = { extends: '../../../tsconfig.json', include: ['./*.ts'], exclude: [] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  return spawnSync(process.execPath, [compiler, '--noEmit', '--project', folder], { encoding: 'utf8' }).stdout
}

/** Runs one to its end: a server until it has answered one request. Gives the exit code, then everything it wrote. */
export function runModule(block: Block): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', serveOnce, fileOf(block)], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return `${status}\n${stdout}${stderr}`
}

/** What `console.log(…) // expected` says will be printed, line by line. */
export function announced({ text }: Block): string {
  return [...text.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, line]) => `${line}\n`).join('')
}
