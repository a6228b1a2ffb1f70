/** Sections with a screen of their own, and those whose screen is a page. */
export type OwnSection = 'home' | 'vms' | 'jobs' | 'messages' | 'about'
export type PageSection = 'storage' | 'setup' | 'diag'
export type Section = OwnSection | PageSection

export interface SectionEntry {
  readonly name: Section
  readonly label: string
  /** The first is the one shown; the number of the label. */
  readonly keys: readonly string[]
}

/** In the order they are shown. Each has a number and a function key: browsers and consoles of hypervisors eat some. */
export const sections: readonly SectionEntry[] = [
  { name: 'home', label: '1 Home', keys: ['1', 'f2'] },
  { name: 'vms', label: '2 VMs', keys: ['2', 'f3'] },
  { name: 'jobs', label: '3 Jobs', keys: ['3', 'f4'] },
  { name: 'storage', label: '4 Storage', keys: ['4', 'f6'] },
  { name: 'setup', label: '5 Setup', keys: ['5', 'f7'] },
  { name: 'diag', label: '6 Diag', keys: ['6', 'f8'] },
  { name: 'messages', label: '7 Messages', keys: ['7', 'f9'] },
  { name: 'about', label: '8 About', keys: ['8', 'f11'] },
]

export const isPageSection = (section: Section): section is PageSection =>
  section === 'storage' || section === 'setup' || section === 'diag'
