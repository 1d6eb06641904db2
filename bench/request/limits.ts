import { readFile } from 'node:fs/promises'

const heading = '**What the numbers do not mean.**\n'

/**
 * What the README beside this file says of the numbers' limits, for whoever sees the numbers alone.
 *
 * @throws Error when it says nothing of them
 */
export async function limits(): Promise<string> {
  const readme = await readFile(new URL('README.md', import.meta.url), 'utf8')
  const said = readme.split(heading)[1]?.split('\n\n')[0]?.trimEnd()
  if (said === undefined || !said.startsWith('- ')) throw new Error(`README.md has no list below "${heading.trim()}"`)
  return said
}
