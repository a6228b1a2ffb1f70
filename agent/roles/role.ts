/** A running role of the agent. */
export interface Role {
  /** Ends its work and lets go of everything it holds; the work itself is taken up at the next start. */
  readonly close: () => Promise<void>
}
