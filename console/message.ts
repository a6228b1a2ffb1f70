import { type Message, type State } from './state.js'

/** The state with something said in the message line. */
export const withMessage = (state: State, text: string, tone: Message['tone']): State => ({
  ...state,
  message: { text, tone, atMs: state.nowMs },
})
