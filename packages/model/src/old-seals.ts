import type { GatewayModel, SessionSpec } from './model.ts'

/** Whether a session reads records under another seal or key than the one that it writes. */
export function readsOldSeals({ sealing }: SessionSpec, { keys }: Pick<GatewayModel, 'keys'>): boolean {
  if (sealing.kind === 'migrate') return true
  return (sealing.kind === 'keys' ? sealing.keys : keys).length > 1
}
