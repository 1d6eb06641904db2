/** Calls back after so many milliseconds; returns how to call it off. A port, so that tests move a clock. */
export type Schedule = (callback: () => void, milliseconds: number) => () => void

/** `setTimeout`, which does not keep the process alive for it where it could. */
export function backgroundTimer(callback: () => void, milliseconds: number): () => void {
  const timer: unknown = setTimeout(callback, milliseconds)
  if (typeof timer === 'object') (timer as { unref?(): void }).unref?.()
  return () => clearTimeout(timer as number)
}

/** `setTimeout`, which keeps the process alive: for what somebody waits for. */
export function foregroundTimer(callback: () => void, milliseconds: number): () => void {
  const timer = setTimeout(callback, milliseconds)
  return () => clearTimeout(timer)
}
