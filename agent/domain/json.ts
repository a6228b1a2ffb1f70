/** What can be saved or sent as JSON. Byte counts travel as decimal strings: JSON numbers lose exactness above 2^53. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
