/** The fenced blocks of the documentation, with the place each stands at. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../running/gateway.ts'

export interface Block {
  /** `README.md:42` */
  readonly place: string
  readonly file: string
  /** The first word after the fence: `sh`, `yaml`, `ts` … */
  readonly language: string
  /** The rest of that line: `fragment` marks YAML that is part of a configuration. */
  readonly note: string
  readonly text: string
}

/** Markdown files of the project, by path from its root. Golden cases and dependencies are not documentation. */
export function documents(folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return /^(node_modules|dist|cases|\..*)$/.test(entry.name) ? [] : documents(path)
    return entry.name.endsWith('.md') ? [relative(root, path)] : []
  })
}

export function blocksOf(file: string): Block[] {
  const blocks: Block[] = []
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  for (let at = 0; at < lines.length; at++) {
    const fence = /^\s*```(\S+)?\s*(.*)$/.exec(lines[at]!)
    if (!fence) continue
    const end = lines.findIndex((line, index) => index > at && /^\s*```\s*$/.test(line))
    if (end === -1) throw new Error(`${file}:${at + 1}: a block without an end`)
    const text = `${lines.slice(at + 1, end).join('\n')}\n`
    blocks.push({ place: `${file}:${at + 1}`, file, language: fence[1] ?? '', note: fence[2] ?? '', text })
    at = end
  }
  return blocks
}

export const allBlocks = () => documents().flatMap(blocksOf)
