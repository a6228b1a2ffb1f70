/** What the lab asks of the agent inside a guest, as one line of JSON. */
export type AgentRequest =
  /** The rest of the connection goes to and from this unix socket. */
  | { readonly kind: 'connect'; readonly path: string }
  /** Runs a program to its end. */
  | { readonly kind: 'run'; readonly argv: readonly [string, ...string[]] }
  /** Starts a program that goes on; its process id is the answer's `stdout`. */
  | { readonly kind: 'start'; readonly argv: readonly [string, ...string[]]; readonly logPath: string }

export interface AgentReply {
  /** -1: it could not be started, or a signal ended it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What was seen in the guest of one volume, in milliseconds since 1970 of the guest's clock. */
export interface ProbeReport {
  readonly serial: string
  /** The kernel made the node of the disk. */
  readonly diskAt: number
  /** udev's link was seen. */
  readonly linkAt: number
  /** The daemon had opened its export. */
  readonly exportAt: number
  readonly socket: string
  readonly exportName: string
}
