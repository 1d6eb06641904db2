import { readFile } from 'node:fs/promises'

const heading = '**What the numbers do not mean.**\n'

/**
 * What the README of a bench says of its numbers' limits, for whoever sees the numbers alone.
 *
 * @param bench a file beside that README
 * @throws Error when it says nothing of them
 */
export async function limits(bench: string | URL): Promise<string> {
  const readme = await readFile(new URL('README.md', bench), 'utf8')
  const said = readme.split(heading)[1]?.split('\n\n')[0]?.trimEnd()
  if (said === undefined || !said.startsWith('- ')) throw new Error(`README.md has no list below "${heading.trim()}"`)
  return said
}
