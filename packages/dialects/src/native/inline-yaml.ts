/** Plain data as YAML writes it on one line. */
export function inlineYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value)
      .map(([name, inner]) => `${name}: ${inlineYaml(inner)}`)
      .join(', ')} }`
  }
  return typeof value === 'string' && /^[:{[&*!|>%@"']|: |^$/.test(value) ? JSON.stringify(value) : String(value)
}
