/** All members of a union, in the order in which they are written: the compiler asks for each. */
export function members<Member extends string>(set: Readonly<Record<Member, unknown>>): readonly Member[] {
  return Object.keys(set) as Member[]
}
