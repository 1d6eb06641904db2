/** Finds imports and words in TypeScript as the formatter writes it: a statement begins its line, comments are skipped. */

export interface Line {
  /** From 1. */
  readonly line: number
  /** The module that is imported, or the word that is used. */
  readonly text: string
}

const patterns = [
  /^(?:import|export)\s(?:[^'"`;=()]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\brequire\(\s*['"]([^'"]+)['"]/g,
]

/** Modules that are imported in any way: statements, re-exports, types, `import()`, `require()`. */
export function importsOf(text: string): Line[] {
  const code = withoutComments(text)
  return patterns.flatMap((pattern) => matches(code, pattern, 1))
}

/** Where `pattern` (with the flag `g`) occurs outside of comments and strings on one line. */
export function usesOf(text: string, pattern: RegExp): Line[] {
  const code = withoutComments(text).replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, blank)
  return matches(code, pattern, 0)
}

function matches(code: string, pattern: RegExp, group: number): Line[] {
  return [...code.matchAll(pattern)].map((match) => ({
    line: code.slice(0, match.index).split('\n').length,
    text: match[group]!,
  }))
}

/** Comments that begin their line, or follow code behind a blank; lines keep their numbers. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, blank).replace(/(^|[ \t])\/\/ .*$/gm, blank)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
