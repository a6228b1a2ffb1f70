/** Comments, character data, instructions and tags with their quoted attributes. */
const markup =
  /<(?:!--[^]*?-->|!\[CDATA\[[^]*?\]\]>|\?[^]*?\?>|(\/?)([^\s<>/!?"']+)((?:[^<>"']|"[^"]*"|'[^']*')*)>)/g

/**
 * Whether every tag is closed by its own end tag. The parser forgives a missing one by nesting what follows, which would
 * lose objects of a broken answer without a word.
 */
export function isBalanced(text: string): boolean {
  const open: string[] = []
  let end = 0
  for (const match of text.matchAll(markup)) {
    const [whole, slash, name, rest] = match
    if (text.slice(end, match.index).includes('<')) return false
    end = match.index + whole.length
    if (name === undefined || rest?.endsWith('/') === true) continue
    if (slash === '') open.push(name)
    else if (open.pop() !== name) return false
  }
  return open.length === 0 && !text.slice(end).includes('<')
}
