/** What the provider and its one client know each other by. */
export const client = { id: 'bench', secret: 'bench-secret' }
