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
