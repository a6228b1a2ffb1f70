import { codePoints } from '../clean-text.js'

/** A longer word does not fit the field, and nobody types it without a slip. */
const longest = 40
const typeable = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/

/**
 * What has to be typed before a VM loses something: its name. `otherwise` stands in for a name that a console's keyboard
 * cannot type, or that would be too long: nobody may be kept from acting by the name of a VM.
 */
export const typedName = (name: string, otherwise: string): string =>
  typeable.test(name) && codePoints(name).length <= longest ? name : otherwise
