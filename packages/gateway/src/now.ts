/**
 * Milliseconds on the clock of `performance`. A constant, since the name `performance` is a getter that takes as long as
 * the clock, and a request asks about ten times.
 */
export const now: () => number = performance.now.bind(performance)
