import { createRequire } from 'node:module'

/** The one version of the product: that of package.json. */
export function productVersion(): string {
  const { version } = createRequire(import.meta.url)('#package.json') as { readonly version: string }
  return version
}
