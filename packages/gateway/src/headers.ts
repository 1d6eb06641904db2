/**
 * Headers as they stand on the wire: name, value, name, value …, in order, in their own case, doubled ones doubled.
 * A flat array is what Node's parser gives and what is written again, so nothing is copied that is not changed.
 */
export type HeaderList = string[]
