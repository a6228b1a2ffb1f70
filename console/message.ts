import type { Message, State } from './state.js'

/** Enough for a night; an older one is in the agent's log. */
export const keptMessages = 200

/** The state with something said in the message line, and kept for the screen of messages. */
export function withMessage(state: State, text: string, tone: Message['tone']): State {
  const message: Message = { text, tone, atMs: state.nowMs }
  return { ...state, message, messages: [...state.messages.slice(1 - keptMessages), message] }
}
