/** A case of translation in one file: a title, and files that go in or come out. */
export interface GoldenCase {
  readonly title: string
  readonly files: Readonly<Record<string, string>>
}

/** Reads a case: `# title`, then `-- NAME --` before each file. */
export function parseCase(text: string): GoldenCase {
  const [title = '', ...parts] = text.split(/^-- (.+) --\n/m)
  const files: Record<string, string> = {}
  for (let i = 0; i < parts.length; i += 2) files[parts[i]!] = parts[i + 1] ?? ''
  return { title, files }
}

/** The inverse of `parseCase`. */
export function printCase({ title, files }: GoldenCase): string {
  const parts = Object.entries(files).map(([name, text]) => `-- ${name} --\n${text}`)
  return title + parts.join('')
}

const width = 110

/** JSON in which whatever fits stands on one line. */
export function compactJson(value: unknown): string {
  return value === undefined ? 'none\n' : `${lines(JSON.parse(JSON.stringify(value)), '')}\n`
}

function lines(value: unknown, indent: string): string {
  const short = oneLine(value)
  if (indent.length + short.length <= width || value === null || typeof value !== 'object') return short
  const inner = `${indent}  `
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + lines(item, inner)).join(',\n')}\n${indent}]`
  const fields = Object.entries(value).map(([name, field]) => `${inner}${JSON.stringify(name)}: ${lines(field, inner)}`)
  return `{\n${fields.join(',\n')}\n${indent}}`
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${oneLine(field)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}
