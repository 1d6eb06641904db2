/** The type of a default, widened to what may be written instead. */
type Widened<T> = T extends number ? number : T extends boolean ? boolean : T

/** The defaults, with what was written in place of them. Fields that have no default are left to the caller. */
export function filled<T extends object, G extends { readonly [K in keyof T]?: unknown }>(
  defaults: T,
  written: G | undefined,
): { [K in keyof T]: Widened<T[K]> | (K extends keyof G ? Exclude<G[K], undefined> : never) } {
  const given = Object.entries(written ?? {}).filter(([name, value]) => value !== undefined && name in defaults)
  return { ...defaults, ...Object.fromEntries(given) } as never
}
